function parse(text: string): number {
  const number = Number(text);
  if (Number.isNaN(number)) throw new Error(`invalid number: ${text}`);
  return number;
}

function sum(first: string, second: string): number {
  return parse(first) + parse(second);
}

console.log(`Ok(${sum("45", "47")})`);
