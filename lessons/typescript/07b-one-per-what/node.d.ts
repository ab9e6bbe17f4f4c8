// The part of Node's types that this folder uses; the course installs no others.
declare module "node:worker_threads" {
  export const isMainThread: boolean;
  export const parentPort: { postMessage(value: unknown): void } | null;
  export class Worker {
    constructor(file: URL);
    once(event: "message", listener: (value: unknown) => void): void;
  }
}
