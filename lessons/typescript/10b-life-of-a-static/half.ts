import { settings } from "./settings.js";

// Computed once, when this module is evaluated.
export const half = settings.mostUsers / 2;
