// The engine's entry point alone has this: tests bring settings of their own, which stand in no file.
import { refuseStaleSettings } from "./settings.ts";

refuseStaleSettings();
