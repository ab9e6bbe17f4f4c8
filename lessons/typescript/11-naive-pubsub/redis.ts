// As much of a client of Redis as the manager needs, inside this program.
const listeners = new Map<string, (message: string) => void>();

export const redisClient = {
  subscribe(channel: string, listener: (message: string) => void): void {
    listeners.set(channel, listener);
  },
  unsubscribe(channel: string): void {
    listeners.delete(channel);
  },
  publish(channel: string, message: string): void {
    listeners.get(channel)?.(message);
  },
};
