// One for each evaluation of this module.
let count = 0;

export function next(): number {
  count += 1;
  return count;
}

// One for each realm: the main thread, or one worker.
const shared = globalThis as { nextCount?: number };

export function nextOfTheRealm(): number {
  shared.nextCount ??= 0;
  shared.nextCount += 1;
  return shared.nextCount;
}
