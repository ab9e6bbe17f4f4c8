//! What happens to a Redis Cluster, done to a real one. After each fault every user has the newest price,
//! users of other masters were sent nothing and lost nothing, each price that was lost was announced by
//! `stale`, and the nodes hold what the users want.

use super::eventually::eventually;
use super::redis_faults::commands;
use super::server_on_cluster::{ClusterServer, lost_by};
use super::server_on_redis::names;
use super::test_client::Received;
use crate::Feed;
use harness::RedisCluster;
use redis_client::slot_of;
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_is_killed_and_only_its_stocks_are_stale_until_its_replica_replaces_it() {
    let Some(mut cluster) = RedisCluster::shared() else {
        return;
    };
    let server = ClusterServer::start_busy(&cluster).await;
    let killed = cluster.master_of(&server.stocks[0]);
    let (stale, others) = (server.users_of(killed), server.other_users(killed));

    cluster.kill_9(killed);
    server.are_sent_stale_and_live(&stale).await;
    server.all_receive_more().await;

    cluster.repair();
    server
        .must_be_whole_without_effect_on(&others, &cluster)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_stops_for_a_second_is_not_replaced_and_no_price_is_lost() {
    let Some(mut cluster) = RedisCluster::shared() else {
        return;
    };
    let server = ClusterServer::start_busy(&cluster).await;
    let frozen = cluster.master_of(&server.stocks[0]);
    cluster.freeze(frozen);
    // Half of the time after which the others replace it.
    sleep(Duration::from_secs(1)).await;
    cluster.thaw(frozen);
    server.all_receive_more().await;
    let all: Vec<usize> = (0..server.stocks.len()).collect();
    server.must_be_whole_without_effect_on(&all, &cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_stops_for_longer_is_replaced_although_its_connections_stay_open() {
    let Some(mut cluster) = RedisCluster::shared() else {
        return;
    };
    let server = ClusterServer::start_busy(&cluster).await;
    let frozen = cluster.master_of(&server.stocks[0]);
    let (stale, others) = (server.users_of(frozen), server.other_users(frozen));
    cluster.freeze(frozen);
    server.are_sent_stale_and_live(&stale).await;
    server.all_receive_more().await;
    cluster.repair();
    server
        .must_be_whole_without_effect_on(&others, &cluster)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_are_moved_under_load_and_only_their_stocks_are_stale_for_a_moment() {
    let Some(cluster) = RedisCluster::shared() else {
        return;
    };
    let server = ClusterServer::start_busy(&cluster).await;
    let from = cluster.master_of(&server.stocks[0]);
    let to = server.other_master(&[from]);
    let slots = server.slots_with_stocks(&cluster, from, 1_500);
    cluster.move_slots(&slots, from, to);
    let (moved, stayed) = server.users_in(&slots);
    server.are_sent_stale_and_live(&moved).await;
    server.all_receive_more().await;
    cluster.until_whole();
    server
        .must_be_whole_without_effect_on(&stayed, &cluster)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_is_moved_twice_before_the_topology_is_read_is_followed_to_where_it_is() {
    let Some(cluster) = RedisCluster::shared() else {
        return;
    };
    let server = ClusterServer::start_busy(&cluster).await;
    let from = cluster.master_of(&server.stocks[0]);
    let to = server.other_master(&[from]);
    let third = server.other_master(&[from, to]);
    let (users, others) = (server.users_of(from), server.other_users(from));
    // One after the other: some of them move while the topology is read, most between two reads.
    for (number, user) in users.iter().enumerate() {
        let slot = [slot_of(&server.stocks[*user])];
        cluster.move_slots(&slot, from, to);
        // To a master that the last read does not name, and back to the one that it names.
        let last = if number % 2 == 0 { third } else { from };
        cluster.move_slots(&slot, to, last);
    }
    server.are_sent_stale_and_live(&users).await;
    server.all_receive_more().await;
    cluster.until_whole();
    server
        .must_be_whole_without_effect_on(&others, &cluster)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_is_added_under_load_and_takes_its_share_of_the_slots() {
    let Some(mut cluster) = RedisCluster::shared() else {
        return;
    };
    let server = ClusterServer::start_busy(&cluster).await;
    let added = cluster.add_pair();
    let mut moved = Vec::new();
    for master in server.masters() {
        let share = cluster.slots_of(master).len() / 4;
        let slots = server.slots_with_stocks(&cluster, master, share);
        cluster.move_slots(&slots, master, added);
        moved.extend(slots);
    }
    let (moved, stayed) = server.users_in(&moved);
    server.are_sent_stale_and_live(&moved).await;
    server.all_receive_more().await;
    cluster.until_whole();
    server
        .must_be_whole_without_effect_on(&stayed, &cluster)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cluster_is_wiped_and_built_again_with_other_masters_for_the_slots() {
    let Some(cluster) = RedisCluster::shared() else {
        return;
    };
    let server = ClusterServer::start_busy(&cluster).await;
    let all: Vec<usize> = (0..server.stocks.len()).collect();
    let names = || cluster.running().map(|node| node.run(&["CLUSTER", "MYID"]));
    let before: Vec<String> = names().collect();
    cluster.wipe_and_build();
    assert!(
        names().all(|name| !before.contains(&name)),
        "each node has forgotten its name"
    );
    server.are_sent_stale_and_live(&all).await;
    server.all_receive_more().await;
    server.must_be_whole(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planned_failover_is_noticed_although_the_former_master_goes_on_answering() {
    if let Some(cluster) = RedisCluster::shared() {
        fail_over(&cluster).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_node_is_given_the_password_also_a_replica_that_becomes_a_master() {
    if let Some(cluster) = RedisCluster::start_with_password("opensesame") {
        fail_over(&cluster).await;
    }
}

/// A replica replaces its master because it is asked to, as before an update.
async fn fail_over(cluster: &RedisCluster) {
    let server = ClusterServer::start_busy(cluster).await;
    let former = cluster.master_of(&server.stocks[0]);
    let (stale, others) = (server.users_of(former), server.other_users(former));
    let replica = cluster.replica_of(former);
    cluster.node(replica).run::<()>(&["CLUSTER", "FAILOVER"]);
    server.are_sent_stale_and_live(&stale).await;
    server.all_receive_more().await;
    cluster.until_whole();
    server
        .must_be_whole_without_effect_on(&others, cluster)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_cluster_is_killed_and_restarted() {
    let Some(mut cluster) = RedisCluster::shared() else {
        return;
    };
    let server = ClusterServer::start_busy(&cluster).await;
    let all: Vec<usize> = (0..server.stocks.len()).collect();
    cluster.numbers().for_each(|node| cluster.kill_9(node));
    server.are_sent(&all, Feed::Stale).await;
    eventually("the whole feed is stale", || {
        server
            .clients
            .iter()
            .all(|client| client.feed() == Some(Feed::Stale))
    })
    .await;
    cluster.repair();
    server.are_sent(&all, Feed::Live).await;
    server.all_receive_more().await;
    server.must_be_whole(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_closes_its_subscribers_connection_and_is_connected_to_again() {
    let Some(cluster) = RedisCluster::shared() else {
        return;
    };
    let server = ClusterServer::start_busy(&cluster).await;
    let master = cluster.master_of(&server.stocks[0]);
    let (stale, others) = (server.users_of(master), server.other_users(master));
    let killed: u64 = cluster
        .node(master)
        .run(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert!(killed >= 1, "there was a connection to kill");
    server.are_sent(&stale, Feed::Live).await;
    server.all_receive_more().await;
    assert_eq!(server.manager.counts().reconnects, 1);
    server
        .must_be_whole_without_effect_on(&others, &cluster)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acl_refuses_one_channel_and_only_its_users_are_stale_until_it_no_longer_does() {
    let Some(cluster) = RedisCluster::shared() else {
        return;
    };
    let rules = |rules: &[&str]| {
        for node in cluster.running() {
            node.run::<()>(&[&["ACL", "SETUSER", "default"], rules].concat());
        }
    };
    rules(&["resetchannels", "&S*", "&probe.*"]);
    let mut stocks = names(60);
    stocks.push("FORBIDDEN".to_owned());
    let server = ClusterServer::start_with(&cluster, stocks).await;
    let about = |feed| Received::Status {
        feed,
        stock: Some("FORBIDDEN".to_owned()),
    };
    let forbidden = server.clients[60].clone();
    eventually("the user is sent `stale`", || {
        forbidden.received().contains(&about(Feed::Stale))
    })
    .await;
    eventually("the other stocks are subscribed", || {
        cluster.shard_channels() == names(60).into_iter().collect()
    })
    .await;
    assert!(server.manager.stats().refusals >= 1);
    rules(&["allchannels"]);
    eventually("the user is sent `live`", || {
        forbidden.received().contains(&about(Feed::Live))
    })
    .await;
    let others: Vec<usize> = (0..60).collect();
    for user in &others {
        let status =
            |received: &Received| matches!(received, Received::Status { stock: Some(_), .. });
        assert!(!server.clients[*user].received().iter().any(status));
    }
    let lost = server.must_be_whole(&cluster).await;
    assert_eq!(lost_by(&others, &lost), 0, "{lost:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_is_cut_off_from_the_others_goes_on_answering_and_is_given_up() {
    let Some(cluster) = RedisCluster::start_with_proxies() else {
        return;
    };
    let server = ClusterServer::start_busy(&cluster).await;
    let alone = cluster.master_of(&server.stocks[0]);
    let (stale, others) = (server.users_of(alone), server.other_users(alone));
    cluster.cut_off(alone);
    eventually("its users are sent that their stock was stale", || {
        stale
            .iter()
            .all(|user| server.statuses(*user) == [Feed::Stale, Feed::Live])
    })
    .await;
    assert!(
        cluster.is_master(alone),
        "it does not know that it was replaced"
    );
    server.all_receive_more().await;
    cluster.reunite();
    cluster.until_whole();
    server
        .must_be_whole_without_effect_on(&others, &cluster)
        .await;
}

#[tokio::test]
async fn servers_with_one_address_ask_different_nodes_who_the_masters_are() {
    let Some(cluster) = RedisCluster::shared() else {
        return;
    };
    let asked = |node| commands(cluster.node(node), "cluster|slots");
    let before: Vec<u64> = cluster.numbers().map(asked).collect();
    for _ in 0..12 {
        let redis_client::RedisAddress::Cluster(server) = cluster.url().parse().unwrap() else {
            panic!("several nodes are a cluster");
        };
        for _ in 0..3 {
            server.read_topology().await.unwrap();
        }
    }
    let nodes = cluster.numbers().zip(before);
    let asked_now = nodes.filter(|(node, before)| asked(*node) > *before);
    assert!(asked_now.count() > 2, "the questions of twelve servers");
}
