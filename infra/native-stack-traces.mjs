// Pulumi's runner maps every stack trace through source maps, and takes one for each promise: a third of the whole time
// of a preview. Type stripping moves no line and no column, so the native traces are right already.
Error.prepareStackTrace = undefined;
// One is taken for each promise, thousands in all: half as many lines are enough to find the place (default 10).
Error.stackTraceLimit = 5;
