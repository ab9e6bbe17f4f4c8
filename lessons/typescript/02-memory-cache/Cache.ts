interface Copy {
  value: any;
  ends: number;
}

export class Cache {
  private copies = new Map<string, Copy>();

  constructor(private seconds: number) {}

  set(key: string, value: any): void {
    const ends = Date.now() + this.seconds * 1000;
    this.copies.set(key, { value, ends });
  }

  get(key: string, now = Date.now()): any {
    const copy = this.copies.get(key);
    if (copy === undefined || now > copy.ends) return null;
    return copy.value;
  }

  evict(key: string): void {
    this.copies.delete(key);
  }
}
