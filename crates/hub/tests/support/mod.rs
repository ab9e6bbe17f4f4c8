//! What the hub's tests share with those of the manager.

pub(crate) mod test_client;
