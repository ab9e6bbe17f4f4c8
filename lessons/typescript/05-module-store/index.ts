import { look } from "./logger.js";
import { games } from "./store.js";

for (let n = 1; n <= 10; n++) {
  games.push({ id: `game ${n}`, moves: [] });
}

console.log(`main added 10 games, the logger sees ${look()}`);
