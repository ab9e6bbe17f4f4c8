import { Copies, HastyCopies } from "./Copies.js";

let loads = 0;

async function load(): Promise<string> {
  loads += 1;
  await Promise.resolve();
  return "5 moves";
}

/** What most cache libraries do for one process: its readers await the same promise. */
class Server {
  private loading?: Promise<string>;

  read(): Promise<string> {
    this.loading ??= load();
    return this.loading;
  }
}

const servers = Array.from({ length: 50 }, () => new Server());
await Promise.all(servers.flatMap((server) => [server.read(), server.read()]));
console.log(`50 servers, 100 readers: ${loads} loads`);

for (const copies of [new HastyCopies(), new Copies()]) {
  let stored = "5 moves";
  const get = async () => stored;
  const first = copies.read("opera-1858", get);
  stored = "6 moves";
  copies.invalidate("opera-1858");
  const replied = await first;
  const next = await copies.read("opera-1858", get);
  console.log(`${copies.constructor.name}: the reply has ${replied}, the next read ${next}`);
}
