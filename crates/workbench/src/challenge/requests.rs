//! Users who send requests to servers, and send them again if no reply comes.

/// Every request that was sent; its id is its place, counted from 1.
#[derive(Debug)]
pub(super) struct Requests<T> {
    sent: Vec<Request<T>>,
}

#[derive(Debug, Clone)]
pub(super) struct Request<T> {
    /// Which user sent it.
    pub(super) user: usize,
    /// What it asks for. The same again is the same request to the user, and another one to a server.
    pub(super) what: T,
    server: usize,
    /// The server has crashed since: no reply will come.
    lost: bool,
    replied: bool,
}

impl<T> Default for Requests<T> {
    fn default() -> Self {
        Self { sent: Vec::new() }
    }
}

impl<T: Clone + PartialEq> Requests<T> {
    /// A user sends a request to a server. Returns its id.
    pub(super) fn send(&mut self, user: usize, server: usize, what: T) -> u32 {
        self.sent.push(Request {
            user,
            what,
            server,
            lost: false,
            replied: false,
        });
        self.sent.len() as u32
    }

    /// The request with this id, if one was sent.
    pub(super) fn get(&self, id: u32) -> Option<&Request<T>> {
        self.sent.get((id as usize).checked_sub(1)?)
    }

    /// What a user has sent last, if no reply to it has come.
    pub(super) fn open(&self, user: usize) -> Option<&Request<T>> {
        let mut own = self.sent.iter().rev();
        let last = own.find(|request| request.user == user);
        last.filter(|request| !request.replied)
    }

    /// A reply has come: the user sends this no more.
    pub(super) fn replied(&mut self, id: u32) {
        let Some(Request { user, what, .. }) = self.get(id).cloned() else {
            return;
        };
        let same = self.sent.iter_mut();
        same.filter(|request| request.user == user && request.what == what)
            .for_each(|request| request.replied = true);
    }

    /// A server has crashed, and with it every request that it had not answered.
    pub(super) fn lose(&mut self, server: usize) {
        let lost = self.sent.iter_mut();
        lost.filter(|request| request.server == server)
            .for_each(|request| request.lost = true);
    }

    /// A user whose last request has no reply, and gets none because its server has crashed.
    pub(super) fn lost(&self) -> Option<usize> {
        self.users()
            .find(|user| self.open(*user).is_some_and(|request| request.lost))
    }

    /// A user whose last request has no reply, although its server has not crashed since.
    pub(super) fn unanswered(&self) -> Option<usize> {
        self.users()
            .find(|user| self.open(*user).is_some_and(|request| !request.lost))
    }

    fn users(&self) -> std::ops::Range<usize> {
        let last = self.sent.iter().map(|request| request.user).max();
        0..last.map_or(0, |last| last + 1)
    }
}
