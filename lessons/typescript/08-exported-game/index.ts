import { gameManager } from "./GameManager.js";
import { look } from "./logger.js";

for (let n = 1; n <= 10; n++) {
  gameManager.addGame({ id: `game ${n}`, moves: [] });
}

console.log(`main added 10 games, the logger sees ${look()}`);
