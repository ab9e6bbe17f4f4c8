import { games } from "./store.js";

export function look(): number {
  return games.length;
}
