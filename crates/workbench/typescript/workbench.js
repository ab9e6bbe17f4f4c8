// Given: speaks the protocol for you. A line of JSON in for each event, a line with a list of actions out.
import { readSync, writeSync } from "node:fs";

// Standard output belongs to the protocol. What you print is shown with --story.
console.log = console.info = console.debug = console.error;

// What went wrong, and where in your own file.
function place(error) {
  const lines = String(error?.stack ?? error).split("\n");
  return lines.filter((line) => !/node:internal|workbench\.js/.test(line)).slice(0, 3).join("\n");
}

/**
 * @template Event, Action
 * @param {() => { on(now: number, event: Event): Action[] }} make makes a server with nothing in memory
 * @returns {void}
 */
export function serve(make) {
  let server;
  const answer = (line) => {
    const { now, start, ...event } = JSON.parse(line);
    if (start) {
      server = make();
      return [];
    }
    const actions = server.on(now, event);
    if (Array.isArray(actions)) return actions;
    throw new TypeError(`on() returned ${actions}: it has to return a list of actions, and may not wait`);
  };
  // Blocking reads are a fifth faster than readline, and here there is nothing else to do meanwhile.
  const room = Buffer.alloc(65536);
  let rest = "";
  for (let read; (read = readSync(0, room)) > 0; ) {
    const lines = (rest + room.toString("utf8", 0, read)).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      let said;
      try {
        said = answer(line);
      } catch (error) {
        said = { error: place(error) };
      }
      writeSync(1, JSON.stringify(said) + "\n");
    }
  }
}
