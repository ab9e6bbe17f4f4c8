function count(moves: readonly string[]): number {
  return moves.length;
}

function add(moves: string[]): void {
  moves.push("g1f3");
}

const moves = ["e2e4", "e7e5"];
console.log(`${count(moves)} moves`);
add(moves);
console.log(`${count(moves)} moves`);
