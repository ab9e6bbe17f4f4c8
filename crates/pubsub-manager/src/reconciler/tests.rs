use super::*;

const DELAY: Duration = Duration::from_secs(1);

/// A broker on paper: it holds what it was asked to hold, and answers when it is told to.
struct Table {
    machine: Reconciler,
    now: Duration,
}

impl Table {
    fn linked() -> Self {
        let mut machine = Reconciler::new(DELAY);
        machine.link_up();
        Self {
            machine,
            now: Duration::ZERO,
        }
    }

    fn want(&mut self, name: &str) {
        self.machine.want(stock(name), self.now);
    }

    fn unwant(&mut self, name: &str) {
        self.machine.unwant(stock(name), self.now);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.machine.tick(self.now).unwrap();
    }

    fn asks(&mut self) -> Option<Command> {
        self.machine.next_command(self.now)
    }

    fn confirm(&mut self, command: &Command) {
        match command {
            Command::Subscribe(stocks) => {
                stocks
                    .iter()
                    .for_each(|stock| self.machine.subscribed(*stock, self.now));
            }
            Command::Unsubscribe(stocks) => {
                stocks
                    .iter()
                    .for_each(|stock| self.machine.unsubscribed(*stock));
            }
        }
    }
}

fn stock(name: &str) -> Stock {
    name.parse().unwrap()
}

fn subscribe(name: &str) -> Command {
    Command::Subscribe(vec![stock(name)])
}

fn unsubscribe(name: &str) -> Command {
    Command::Unsubscribe(vec![stock(name)])
}

#[test]
fn wanting_twice_asks_once() {
    let mut table = Table::linked();
    table.want("APPL");
    table.want("APPL");
    assert_eq!(table.asks(), Some(subscribe("APPL")));
    table.confirm(&subscribe("APPL"));
    assert_eq!(table.asks(), None);
}

#[test]
fn a_page_that_is_loaded_again_asks_nothing() {
    let mut table = Table::linked();
    table.want("APPL");
    table.asks();
    table.confirm(&subscribe("APPL"));
    for _ in 0..1_000 {
        table.unwant("APPL");
        table.pass(DELAY / 2);
        table.want("APPL");
        table.pass(DELAY / 2);
        assert_eq!(table.asks(), None);
    }
    table.unwant("APPL");
    table.pass(DELAY);
    assert_eq!(table.asks(), Some(unsubscribe("APPL")));
}

#[test]
fn a_join_during_a_leave_joins_once_the_leave_is_confirmed() {
    let mut table = Table::linked();
    table.want("APPL");
    table.asks();
    table.confirm(&subscribe("APPL"));
    table.unwant("APPL");
    table.pass(DELAY);
    assert_eq!(table.asks(), Some(unsubscribe("APPL")));
    table.want("APPL");
    assert_eq!(table.asks(), None, "the leave is still under way");
    table.confirm(&unsubscribe("APPL"));
    assert_eq!(table.asks(), Some(subscribe("APPL")));
}

#[test]
fn a_leave_during_a_join_leaves_once_the_join_is_confirmed() {
    let mut table = Table::linked();
    table.want("APPL");
    table.asks();
    table.unwant("APPL");
    table.confirm(&subscribe("APPL"));
    assert_eq!(table.asks(), None);
    table.pass(DELAY);
    assert_eq!(table.asks(), Some(unsubscribe("APPL")));
    table.confirm(&unsubscribe("APPL"));
    assert!(table.machine.is_empty());
}

#[test]
fn on_a_new_link_everything_wanted_is_asked_for_again_in_batches_of_512() {
    let mut table = Table::linked();
    for number in 0..1_300 {
        table.want(&format!("S{number}"));
    }
    let mut sizes = Vec::new();
    for _ in 0..2 {
        table.machine.link_down();
        table.machine.link_up();
        while let Some(command) = table.asks() {
            let Command::Subscribe(stocks) = &command else {
                panic!("{command:?}")
            };
            assert!(!table.machine.is_settled());
            sizes.push(stocks.len());
            table.confirm(&command);
        }
        assert!(table.machine.is_settled());
        assert_eq!(table.machine.confirmed(), 1_300);
    }
    assert_eq!(sizes, [512, 512, 276, 512, 512, 276]);
}

#[test]
fn one_refused_channel_is_found_and_costs_no_other_its_subscription() {
    let mut table = Table::linked();
    for number in 0..100 {
        table.want(&format!("S{number}"));
    }
    let refused = stock("S42");
    let mut commands = 0;
    while let Some(command) = table.asks() {
        commands += 1;
        match &command {
            Command::Subscribe(stocks) if stocks.contains(&refused) => {
                table.machine.refused("NOPERM", table.now);
            }
            command => table.confirm(command),
        }
    }
    assert_eq!(table.machine.confirmed(), 99);
    assert!(
        table
            .machine
            .take_news()
            .contains(&News::Refused(refused, "NOPERM".into()))
    );
    assert!(
        commands <= 15,
        "{commands} commands for one refusal among a hundred"
    );
    table.pass(RETRY);
    assert_eq!(
        table.asks(),
        Some(subscribe("S42")),
        "it is asked again, by itself"
    );
}

#[test]
fn an_answer_that_does_not_come_ends_the_link() {
    let mut table = Table::linked();
    table.want("APPL");
    table.asks();
    assert_eq!(
        table.machine.tick(ANSWER - Duration::from_millis(1)),
        Ok(())
    );
    assert_eq!(table.machine.tick(ANSWER), Err(Unanswered));
}

#[test]
fn users_are_told_of_a_channel_that_stays_unconfirmed_and_only_of_such_a_one() {
    let mut table = Table::linked();
    assert_eq!(table.asks(), None);
    table.want("QUICK");
    table.asks();
    table.confirm(&subscribe("QUICK"));
    table.want("SLOW");
    table.asks();
    table.machine.take_news();
    table.pass(LATE);
    assert_eq!(table.machine.take_news(), [News::Late(stock("SLOW"))]);
}

#[test]
fn a_channel_that_the_broker_takes_away_is_asked_for_again() {
    let mut table = Table::linked();
    table.want("APPL");
    table.asks();
    table.confirm(&subscribe("APPL"));
    table.machine.unsubscribed(stock("APPL"));
    assert_eq!(table.machine.confirmed(), 0);
    assert_eq!(table.asks(), Some(subscribe("APPL")));
}

#[test]
fn at_the_end_everything_is_left_without_delay() {
    let mut table = Table::linked();
    table.want("APPL");
    table.want("MSFT");
    let joined = table.asks().unwrap();
    table.confirm(&joined);
    table.unwant("MSFT");
    table.machine.want_nothing(table.now);
    let left = table.asks().unwrap();
    assert!(
        matches!(&left, Command::Unsubscribe(stocks) if stocks.len() == 2),
        "{left:?}"
    );
    table.confirm(&left);
    assert!(table.machine.is_empty());
}
