type Get = (key: string) => Promise<string>;

/** Keeps whatever the server of the cache replied. */
export class HastyCopies {
  protected slots = new Map<string, { copy?: string }>();

  async read(key: string, get: Get): Promise<string> {
    const copy = this.slots.get(key)?.copy ?? (await get(key));
    this.slots.set(key, { copy });
    return copy;
  }

  invalidate(key: string): void {
    this.slots.delete(key);
  }
}

/** Keeps a reply only if its key was not invalidated since it was asked for. */
export class Copies extends HastyCopies {
  async read(key: string, get: Get): Promise<string> {
    const copy = this.slots.get(key)?.copy;
    if (copy !== undefined) return copy;
    const asked: { copy?: string } = {};
    this.slots.set(key, asked);
    const reply = await get(key);
    if (this.slots.get(key) === asked) asked.copy = reply;
    return reply;
  }
}
