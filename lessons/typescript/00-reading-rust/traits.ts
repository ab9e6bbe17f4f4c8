interface Store {
  games(): number;
}

class InMemory implements Store {
  list: string[] = [];
  games(): number {
    return this.list.length;
  }
}

function report<S extends Store>(store: S): void {
  console.log(`${store.games()} games`);
}

const store = new InMemory();
report(store);
store.list.push("opera-1858");
report(store);
