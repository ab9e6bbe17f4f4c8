let seen = 0;
const look = (games: number) => { seen += games; };
look(1);
look(2);
console.log(`seen: ${seen}`);
