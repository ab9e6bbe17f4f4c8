import { isVerbose } from "./logger.js";

export const level: number = isVerbose ? 2 : 1;
