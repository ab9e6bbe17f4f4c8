import { GameManager } from "./GameManager.js";

// tsc says TS2673 here, and writes the JavaScript all the same.
const second = new GameManager();

GameManager.instance().addGame({ id: "game 1", moves: [] });
console.log(`the instance has ${GameManager.instance().count()} game, the second manager ${second.count()}`);
