import { gameManager } from "./GameManager.js";

export function look(): number {
  return gameManager.count();
}
