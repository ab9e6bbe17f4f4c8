import { GameManager } from "./GameManager.js";

const gameManager = new GameManager();

export function look(): number {
  return gameManager.count();
}
