// What this page uses of ioredis: a Cluster that was made with { shardedSubscribers: true }.
export interface ShardedCluster {
  ssubscribe(...channels: string[]): Promise<unknown>;
}

// One channel a command: channels of two slots in one command are refused.
export async function subscribeEach(cluster: ShardedCluster, channels: string[]): Promise<string[]> {
  const answers = await Promise.allSettled(channels.map((channel) => cluster.ssubscribe(channel)));
  return channels.filter((_, number) => answers[number]?.status === "rejected");
}
