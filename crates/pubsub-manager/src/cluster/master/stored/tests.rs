//! Answers that a push has shifted: made up, and over a real cluster.

use super::{Master, proven};
use crate::{
    Stock,
    broker::OnMessage,
    cluster::{Cluster, slot_of},
};
use harness::{RedisCluster, RedisServer, until};
use redis::{PushKind, Value, cmd};
use redis_client::RedisAddress;
use std::sync::Arc;
use tokio::{join, sync::mpsc};

const READS: usize = 3;

fn nonce(read: usize) -> String {
    format!("nonce {read}")
}

fn stored(read: usize) -> Value {
    Value::Array(vec![Value::BulkString(read.to_string().into())])
}

/// What Redis sends when several reads are in flight.
fn replies() -> Vec<Value> {
    let reply = |read| [stored(read), Value::BulkString(nonce(read).into())];
    (0..READS).flat_map(reply).collect()
}

fn unasked_push() -> Value {
    let (kind, data) = (PushKind::SUnsubscribe, Vec::new());
    Value::Push { kind, data }
}

/// What each read finds if it is given two replies, as the crate does.
fn found(replies: Vec<Value>) -> Vec<Option<Value>> {
    let mut replies = replies.into_iter().map(Ok);
    let mut read = |read| proven(replies.by_ref().take(2).collect(), &nonce(read));
    (0..READS).map(|number| read(number)?.ok()).collect()
}

#[test]
fn wherever_pushes_steal_answers_a_read_has_its_own_or_none() {
    let own: Vec<_> = (0..READS).map(|read| Some(stored(read))).collect();
    assert_eq!(found(replies()), own);
    for first in 0..=2 * READS {
        for second in 0..=2 * READS + 1 {
            let mut replies = replies();
            replies.insert(first, unasked_push());
            replies.insert(second, unasked_push());
            for (found, own) in found(replies).into_iter().zip(&own) {
                assert!(found.is_none() || found == *own, "{first}, {second}");
            }
        }
    }
}

#[test]
fn that_echo_is_forbidden_is_an_answer_and_is_not_asked_for_again() {
    let no = |text: &'static str| {
        let kind = redis::ServerErrorKind::NoPerm.into();
        Err(redis::RedisError::from((kind, text)))
    };
    let answers = |text| vec![Ok(stored(0)), no(text)];
    let echo = "this user has no permissions to run the 'echo' command";
    assert!(proven(answers(echo), &nonce(0)).is_some_and(|answer| answer.is_err()));
    let another = "this user has no permissions to access one of the channels used";
    assert!(proven(answers(another), &nonce(0)).is_none());
}

/// Three stocks of one master, in three slots.
fn stocks(cluster: &RedisCluster) -> [Stock; 3] {
    let names: Vec<String> = (0..20).map(|number| format!("S{number}")).collect();
    let masters = cluster.masters_of(names.iter().map(String::as_str));
    let of_the_first = names.iter().zip(&masters);
    let mut of_the_first = of_the_first.filter(|(_, master)| **master == masters[0]);
    [(); 3].map(|()| {
        let (name, _) = of_the_first
            .next()
            .expect("a third of twenty is more than three");
        name.parse().unwrap()
    })
}

fn give_slot(cluster: &RedisCluster, slot: u16, from: usize, to: usize) {
    let owner: String = cluster.node(to).run(&["CLUSTER", "MYID"]);
    for node in [to, from] {
        let set = ["CLUSTER", "SETSLOT", &slot.to_string(), "NODE", &owner];
        cluster.node(node).run::<()>(&set);
    }
}

/// What Redis says about the connection with this id.
fn client(node: &RedisServer, id: i64) -> String {
    node.run(&["CLIENT", "LIST", "ID", &id.to_string()])
}

/// With an MGET alone, which is given the answer to the command before, the second stock is sent the first
/// one's price.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_stock_is_given_the_price_of_another_while_a_slot_of_their_master_is_moved() {
    let Some(turn) = RedisCluster::shared() else {
        return;
    };
    let [first, second, moved] = stocks(&turn);
    let from = turn.master_of(&first.to_string());
    let node = turn.node(from);
    for (stock, price) in [(first, "1"), (second, "2")] {
        node.run::<()>(&["SET", &format!("last.{{{stock}}}"), price]);
    }
    let RedisAddress::Cluster(redis) = turn.url().parse().unwrap() else {
        panic!("it has several nodes");
    };
    let slot = slot_of(&moved.to_string());
    let topology = redis.read_topology().await.unwrap();
    let (changes, _received) = mpsc::unbounded_channel();
    let (cluster, on_message): (_, OnMessage) =
        (Arc::new(Cluster::new(redis, "")), Arc::new(|_, _| {}));
    let address = topology.master_of(slot).unwrap();
    let master = Master::connect(&cluster, address, &on_message, &changes);
    let master = master.await.unwrap();
    let channels = master.names(&[first, second, moved]);
    master.ssubscribe(&channels).await.unwrap();

    let mut connection = master.connection.clone();
    let id: i64 = cmd("CLIENT")
        .arg("ID")
        .query_async(&mut connection)
        .await
        .unwrap();
    // Redis executes nothing more from this connection until it is unblocked.
    let waits = async {
        let mut wait = cmd("WAIT");
        let _: redis::RedisResult<Value> = wait.arg(9).arg(0).query_async(&mut connection).await;
    };
    let other = turn
        .numbers()
        .find(|node| *node != from && turn.is_master(*node));
    let other = other.expect("there are three masters");
    let (firsts, seconds) = ([first], [second]);
    let move_it = async {
        until("the reads wait in Redis behind the other command", || {
            let client = client(node, id);
            client.contains("cmd=wait") && client.matches("qbuf=0 ").count() == 0
        });
        give_slot(&turn, slot, from, other);
        until("the push is sent", || {
            !master.pushes.subscribed.lock().contains(&channels[2])
        });
        node.run::<()>(&["CLIENT", "UNBLOCK", &id.to_string()]);
    };
    let ((), one, two, ()) = join!(
        waits,
        master.last_prices(&firsts),
        master.last_prices(&seconds),
        move_it
    );
    give_slot(&turn, slot, other, from);
    turn.until_whole();
    assert_eq!(one.unwrap(), [(first, b"1".to_vec())]);
    assert_eq!(two.unwrap(), [(second, b"2".to_vec())]);
}
