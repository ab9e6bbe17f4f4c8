import { Game } from "./Game.js";

const refusing = {
  async addMove(): Promise<void> {
    throw new Error("the database is away");
  },
};
const shown = new Game(refusing);
await shown.play("e2e4").catch(() => undefined);
console.log(`the database is away: it has 0 moves, the board ${shown.board.length}`);

const moves = new Map<number, string>();
const storing = {
  async addMove(number: number, move: string): Promise<void> {
    moves.set(number, move);
  },
};
const quick = new Game(storing);
await Promise.all([quick.play("e2e4"), quick.play("e7e5")]);
console.log(`two quick moves: the database has ${moves.size} move, the board ${quick.board.length}`);
