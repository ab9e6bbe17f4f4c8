const moves = ["e2e4", "e7e5"];
const opera = moves;
console.log(`${opera.length} moves`);
