import { level } from "./level.js";

export const isVerbose: boolean = level > 1;
