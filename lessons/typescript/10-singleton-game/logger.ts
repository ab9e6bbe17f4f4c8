import { GameManager } from "./GameManager.js";

export function look(): number {
  return GameManager.instance().count();
}
