import { reduce, type Action, type State } from "./reducer.js";

const state = reduce(undefined, { type: "addGame", id: "opera-1858" });
const isTheSame = (next: State) => (next === state ? "the same state, no error" : "a new state");

const mistyped = reduce(state, { type: "adGame", id: "immortal-1851" });
console.log(`a mistyped action: ${isTheSame(mistyped)}`);

const forgotten = reduce(state, { type: "removeGame", id: "opera-1858" });
console.log(`an action that the reducer does not handle: ${isTheSame(forgotten)}`);

function reduceInPlace(state: State, action: Action): State {
  state.games.push(action.id);
  return state;
}
const changed = reduceInPlace(state, { type: "addGame", id: "immortal-1851" });
console.log(`a reducer that changes the old state: ${isTheSame(changed)}`);

state.games.length = 0;
console.log(`a file that empties its state: ${changed.games.length} games for all`);
