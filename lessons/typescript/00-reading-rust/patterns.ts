type Answer =
  | { type: "created" }
  | { type: "taken"; by: string };

function ask(seat: string | undefined): Answer {
  if (seat !== undefined) {
    return { type: "taken", by: seat };
  }
  return { type: "created" };
}

for (const seat of [undefined, "Morphy"]) {
  const answer = ask(seat);
  switch (answer.type) {
    case "created": console.log("the seat is yours"); break;
    case "taken": console.log(`${answer.by} has the seat`); break;
  }
}
