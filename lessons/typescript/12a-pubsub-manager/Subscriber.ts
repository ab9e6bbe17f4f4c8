export interface Connection {
  subscribe(stocks: string[]): Promise<void>;
  unsubscribe(stocks: string[]): Promise<void>;
}

export class Subscriber {
  readonly wanted = new Set<string>();
  private confirmed = new Set<string>();

  constructor(private connection: Connection) {}

  // On a new connection nothing is subscribed.
  connected(connection: Connection): void {
    this.connection = connection;
    this.confirmed = new Set();
  }

  // Compares and asks, until what is confirmed is what is wanted.
  async reconcile(): Promise<void> {
    for (;;) {
      const join = [...this.wanted].filter((stock) => !this.confirmed.has(stock));
      const leave = [...this.confirmed].filter((stock) => !this.wanted.has(stock));
      if (join.length + leave.length === 0) {
        return;
      }
      if (join.length > 0) {
        await this.connection.subscribe(join);
        join.forEach((stock) => this.confirmed.add(stock));
      }
      if (leave.length > 0) {
        await this.connection.unsubscribe(leave);
        leave.forEach((stock) => this.confirmed.delete(stock));
      }
    }
  }
}
