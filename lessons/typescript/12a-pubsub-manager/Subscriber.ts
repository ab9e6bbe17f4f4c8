export interface Connection {
  subscribe(stocks: string[]): Promise<void>;
  unsubscribe(stocks: string[]): Promise<void>;
}

// One Subscriber a connection: an answer that arrives after the connection was lost is added to a set
// that nobody reads any more. What users want outlives the connection, so it is given from outside.
export class Subscriber {
  private readonly confirmed = new Set<string>();

  constructor(
    private readonly connection: Connection,
    private readonly wanted: ReadonlySet<string>,
  ) {}

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
