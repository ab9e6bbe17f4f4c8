//! One Redis or a cluster: what `--redis` takes.

#[cfg(feature = "cluster")]
use crate::RedisCluster;
use crate::{BadRedisUrl, RedisUrl};
use std::{fmt, str::FromStr};

/// The address of a Redis, or of a Redis Cluster:
///
/// - One address, as [`RedisUrl`] reads it, is one Redis. A node of a cluster is one, too: what is
///   published by PUBLISH on any node reaches all of them.
/// - Several, `redis://a:7000,b:7001`, are nodes of a cluster, of which the others are learnt. User and
///   password are written once, before the first host.
/// - `redis://a:7000?cluster=true` is a cluster of which one node is known.
///
/// ```
/// use redis_client::RedisAddress;
///
/// # if cfg!(feature = "cluster") {
/// let cluster: RedisAddress = "redis://trader:secret@10.0.0.7:7000,10.0.0.8:7000".parse()?;
/// assert_eq!(cluster.to_string(), "redis://10.0.0.7:7000,10.0.0.8:7000");
/// # }
/// # Ok::<(), redis_client::BadRedisUrl>(())
/// ```
#[derive(Debug, Clone)]
pub enum RedisAddress {
    /// One Redis.
    One(RedisUrl),
    /// A Redis Cluster.
    #[cfg(feature = "cluster")]
    Cluster(RedisCluster),
}

impl FromStr for RedisAddress {
    type Err = BadRedisUrl;

    fn from_str(text: &str) -> Result<Self, BadRedisUrl> {
        match nodes_in(text)? {
            None => text.parse().map(Self::One),
            Some(nodes) => {
                let nodes = nodes.iter().map(|node| node.parse());
                cluster(nodes.collect::<Result<_, _>>()?)
            }
        }
    }
}

#[cfg(feature = "cluster")]
fn cluster(nodes: Vec<RedisUrl>) -> Result<RedisAddress, BadRedisUrl> {
    Ok(RedisAddress::Cluster(RedisCluster::new(nodes)))
}

#[cfg(not(feature = "cluster"))]
fn cluster(_: Vec<RedisUrl>) -> Result<RedisAddress, BadRedisUrl> {
    let reason = "several addresses are a cluster, and this program was built without clusters";
    Err(BadRedisUrl { reason })
}

/// The URL of each node if this is the address of a cluster.
fn nodes_in(text: &str) -> Result<Option<Vec<String>>, BadRedisUrl> {
    let bad = |reason| Err(BadRedisUrl { reason });
    // A file's name may have a comma.
    let Some((scheme, rest)) = text
        .split_once("://")
        .filter(|(scheme, _)| !scheme.ends_with("unix"))
    else {
        return Ok(None);
    };
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (login, place) = address.split_at(address.rfind('@').map_or(0, |at| at + 1));
    if rest.contains("://") || (login.contains(',') && login.matches('@').count() > 1) {
        return bad("write the scheme, user and password of a cluster once, before its first node");
    }
    let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
    let (flag, options): (Vec<&str>, Vec<&str>) = query
        .split('&')
        .filter(|option| !option.is_empty())
        .partition(|option| option.starts_with("cluster="));
    if flag.is_empty() && !hosts.contains(',') {
        return Ok(None);
    }
    if flag.iter().any(|flag| *flag != "cluster=true") {
        return bad("cluster is true or is left out");
    }
    if !matches!(database, "" | "0") {
        return bad("a cluster has database 0 only");
    }
    let options = match options.join("&") {
        none if none.is_empty() => none,
        some => format!("?{some}"),
    };
    let node = |host| format!("{scheme}://{login}{host}{options}");
    Ok(Some(hosts.split(',').map(node).collect()))
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(url) => url.fmt(out),
            #[cfg(feature = "cluster")]
            Self::Cluster(cluster) => cluster.fmt(out),
        }
    }
}

#[cfg(all(test, feature = "cluster"))]
mod tests {
    use super::*;

    #[test]
    fn several_addresses_or_one_that_says_so_are_a_cluster() {
        for (text, shown) in [
            ("redis://a:7000,b:7001", "redis://a:7000,b:7001"),
            (
                "redis://u:secret@a,b:7001,[::1]:7002/0",
                "redis://a:6379,b:7001,[::1]:7002",
            ),
            ("redis://:se,cret@a:7000?cluster=true", "redis://a:7000"),
            ("redis://a:7000,b?cluster=true", "redis://a:7000,b:6379"),
        ] {
            let address: RedisAddress = text.parse().unwrap();
            assert!(matches!(address, RedisAddress::Cluster(_)), "{text}");
            assert_eq!(address.to_string(), shown);
            assert!(!format!("{address:?}").contains("secret"));
        }
        #[cfg(feature = "tls")]
        assert_eq!(
            "rediss://a,b".parse::<RedisAddress>().unwrap().to_string(),
            "rediss://a:6379,b:6379"
        );
    }

    #[test]
    fn one_address_is_one_redis_also_with_a_comma_in_its_password_or_path() {
        for text in [
            "redis://a",
            "redis://:se,cret@a:1/3",
            "unix:///run/a,b.sock",
        ] {
            let address: RedisAddress = text.parse().unwrap();
            assert!(matches!(address, RedisAddress::One(_)), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_the_address_of_a_cluster_is_said_without_its_password() {
        for (text, reason) in [
            ("redis://a,redis://b", "once, before its first node"),
            (
                "redis://u:secret@a,u:secret@b",
                "once, before its first node",
            ),
            ("redis://:secret@a,b/1", "database 0 only"),
            ("redis://a?cluster=yes", "cluster is true"),
            ("redis://:secret@a,,b", "redis://host:port"),
            ("redis://u@a,b", "no password"),
            ("redis://a:1,b:port", "redis://host:port"),
            ("redis://u:1,2?secret@h", "in a password"),
        ] {
            let error = text.parse::<RedisAddress>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
