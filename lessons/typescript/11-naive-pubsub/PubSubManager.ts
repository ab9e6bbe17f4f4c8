import { redisClient } from "./redis.js";

export class PubSubManager {
  private static readonly one = new PubSubManager();
  private subscriptions = new Map<string, string[] | undefined>();
  readonly sent: string[] = [];

  static instance(): PubSubManager {
    return PubSubManager.one;
  }

  private constructor() {}

  userSubscribe(user: string, stock: string): void {
    if (!this.subscriptions.has(stock)) {
      this.subscriptions.set(stock, []);
    }
    const users = this.subscriptions.get(stock);
    users?.push(user);
    if (users?.length === 1) {
      redisClient.subscribe(stock, (message) => this.handleMessage(stock, message));
    }
  }

  userUnsubscribe(user: string, stock: string): void {
    const others = this.subscriptions.get(stock)?.filter((one) => one !== user);
    this.subscriptions.set(stock, others);
    if (others?.length === 0) {
      redisClient.unsubscribe(stock);
    }
  }

  stocks(): string[] {
    return [...this.subscriptions].map(([stock, users]) => `${stock}: ${users}`);
  }

  private handleMessage(stock: string, message: string): void {
    for (const user of this.subscriptions.get(stock) ?? []) {
      this.sent.push(`${user} ${stock} ${message}`);
    }
  }
}
