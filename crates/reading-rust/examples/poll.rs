//! What `.await` does: the runtime polls the future, which is ready or says that it will wake its task.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

struct Answer {
    arrives_in: u32,
}

impl Future for Answer {
    type Output = &'static str;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<&'static str> {
        if self.arrives_in == 0 {
            println!("poll: ready");
            return Poll::Ready("+OK");
        }
        println!("poll: pending");
        self.arrives_in -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let answer = Answer { arrives_in: 2 };
    println!("{}", answer.await);
}
