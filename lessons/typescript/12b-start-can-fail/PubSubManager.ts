type Connect = () => Promise<void>;

export class PubSubManager {
  private static instance?: Promise<PubSubManager>;

  private constructor() {}

  // A promise that was rejected stays in the field.
  static start(connect: Connect): Promise<PubSubManager> {
    this.instance ??= connect().then(() => new PubSubManager());
    return this.instance;
  }

  // Empties the field after a failure, as `get_or_try_init` does.
  static async startAgain(connect: Connect): Promise<PubSubManager> {
    try {
      return await this.start(connect);
    } catch (error) {
      this.instance = undefined;
      throw error;
    }
  }
}
