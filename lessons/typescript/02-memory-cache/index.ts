import { Cache } from "./Cache.js";

const cache = new Cache(60);
let loads = 0;

async function load(id: string) {
  loads += 1;
  await Promise.resolve();
  return { id, moves: ["e2e4"] };
}

async function read(id: string) {
  let game = cache.get(id);
  if (game === null) {
    game = await load(id);
    cache.set(id, game);
  }
  return game;
}

await Promise.all(Array.from({ length: 100 }, () => read("opera-1858")));
console.log(`100 readers at once: ${loads} loads`);

const mine = await read("opera-1858");
mine.moves.push("e7e5");
const theirs = await read("opera-1858");
console.log(`one reader adds a move: the next one gets ${theirs.moves.length} moves`);

cache.set("rating", "two thousand");
const rating: number = cache.get("rating");
console.log(`a number from the cache: ${rating}`);

const badSetting = new Cache(Number("a minute"));
badSetting.set("opera-1858", mine);
const inAYear = Date.now() + 365 * 24 * 60 * 60 * 1000;
const isThere = badSetting.get("opera-1858", inAYear) !== null;
console.log(`the setting is no number: after a year the copy is ${isThere ? "there" : "gone"}`);
