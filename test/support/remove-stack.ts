import { removeStack } from "./running-stack.ts";

await removeStack();
