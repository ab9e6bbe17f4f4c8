//! The right way: each case's twin, which compiles and runs, and what only looks like a way round.
//!
//! They are compiled into this one program, as modules: trybuild would build each of them alone,
//! and all that they depend on once more. So they share one process, and one manager, and each has
//! a `main` that is `pub`.

use std::collections::BTreeSet;

use compile_fail::inventory::{CRATES, names, ui};

/// Makes a test of each program's `main`, and a list of them all.
macro_rules! programs {
    ($($sentence:ident = $path:literal;)*) => {
        $(
            #[allow(
                clippy::all,
                dead_code,
                noop_method_call,
                unreachable_pub,
                reason = "a program to be read: a clone that does nothing is its point"
            )]
            #[path = $path]
            mod $sentence;

            #[test]
            fn $sentence() {
                $sentence::main();
            }
        )*

        const PROGRAMS: &[&str] = &[$($path),*];
    };
}

programs! {
    the_task_is_asked_by_the_functions_of_its_handle = "../ui/actor-game/twin/private-mailbox.rs";
    a_lazy_static_holds_the_map_of_games = "../ui/exported-game/twin/static-hash-map.rs";
    a_match_has_an_arm_for_each_variant = "../ui/reading-rust/twin/forgotten-variant.rs";
    a_list_is_read_again_when_it_has_grown = "../ui/reading-rust/twin/read-while-changing.rs";
    a_scoped_thread_may_borrow = "../ui/reading-rust/twin/thread-borrows.rs";
    the_new_owner_is_asked = "../ui/reading-rust/twin/use-after-move.rs";
    a_static_list_behind_a_lock_may_be_assigned_to = "../ui/module-store/twin/static-mut.rs";
    a_static_list_behind_a_lock_needs_no_unsafe = "../ui/module-store/twin/static-mut-reference.rs";
    a_static_list_behind_a_lock_is_a_ref_cell_for_threads = "../ui/module-store/twin/static-ref-cell.rs";
    a_static_list_behind_a_lock_may_be_changed = "../ui/module-store/twin/static-vec.rs";
    a_clone_of_the_arc_is_another_owner_of_one_manager = "../ui/injected-game/twin/give-it-away-and-keep-it.rs";
    a_snapshot_stands_in_for_the_private_map = "../ui/injected-game/twin/private-field.rs";
    the_one_connection_to_the_broker_is_shared_by_every_user = "../ui/pubsub-manager/twin/broker-connection.rs";
    the_reference_to_the_pubsub_manager_may_be_copied_in_place_of_a_clone = "../ui/pubsub-manager/twin/clone-into-a-value.rs";
    an_arc_shares_one_connection = "../ui/hub/twin/connection-clone.rs";
    connect_stands_in_for_a_connection_by_hand = "../ui/hub/twin/connection-literal.rs";
    start_stands_in_for_the_constructor = "../ui/pubsub-manager/twin/constructor.rs";
    start_with_default_options_stands_in_for_default = "../ui/pubsub-manager/twin/default.rs";
    a_price_is_published_to_the_broker = "../ui/pubsub-manager/twin/handle-message.rs";
    the_reference_stays_where_it_is_lent_to_every_thread = "../ui/pubsub-manager/twin/move-out.rs";
    stats_stand_in_for_the_private_hub = "../ui/pubsub-manager/twin/private-field.rs";
    a_second_start_with_another_broker_is_an_error = "../ui/pubsub-manager/twin/second-broker.rs";
    a_cell_of_once_cell_may_be_tried_again_after_a_failure = "../ui/pubsub-manager/twin/std-get-or-try-init.rs";
    the_started_one_stands_in_for_the_struct_literal = "../ui/pubsub-manager/twin/struct-literal.rs";
    who_has_left_may_connect_and_follow_again = "../ui/pubsub-manager/twin/subscribe-after-leaving.rs";
    a_reducer_returns_a_new_state = "../ui/reducer-game/twin/change-the-old-state.rs";
    a_copy_of_the_state_may_be_emptied = "../ui/reducer-game/twin/change-the-shared-state.rs";
    a_reducer_has_an_arm_for_each_action = "../ui/reducer-game/twin/forgotten-action.rs";
    an_action_is_dispatched_by_its_name = "../ui/reducer-game/twin/mistyped-action.rs";
    a_variable_for_the_reference_may_be_assigned_to = "../ui/singleton-game/twin/assignment.rs";
    the_reference_may_be_copied_in_place_of_a_clone = "../ui/singleton-game/twin/clone-into-a-value.rs";
    instance_stands_in_for_the_constructor = "../ui/singleton-game/twin/constructor.rs";
    instance_stands_in_for_default = "../ui/singleton-game/twin/default.rs";
    a_game_may_come_out_of_a_text_and_go_to_the_one_manager = "../ui/singleton-game/twin/deserialize.rs";
    a_snapshot_may_be_taken_apart = "../ui/singleton-game/twin/destructuring.rs";
    a_shared_reference_is_enough_to_play = "../ui/singleton-game/twin/exclusive-reference.rs";
    a_type_of_ones_own_may_have_a_default = "../ui/singleton-game/twin/foreign-default.rs";
    a_trait_of_ones_own_has_no_more_rights = "../ui/singleton-game/twin/foreign-impl.rs";
    the_reference_stays_where_it_is_lent = "../ui/singleton-game/twin/move-out.rs";
    to_empty_a_snapshot_changes_nothing = "../ui/singleton-game/twin/private-field.rs";
    instance_stands_in_for_the_private_static = "../ui/singleton-game/twin/private-static.rs";
    a_sibling_module_asks_for_the_instance = "../ui/singleton-game/twin/sibling-module.rs";
    instance_stands_in_for_the_struct_literal = "../ui/singleton-game/twin/struct-literal.rs";
    two_references_may_be_swapped_and_are_the_same = "../ui/singleton-game/twin/swap.rs";
    instance_stands_in_for_a_manager_made_of_zeros = "../ui/singleton-game/twin/unsafe-bytes.rs";
    instance_stands_in_for_a_copy_of_its_bytes = "../ui/singleton-game/twin/unsafe-copy.rs";

    a_box_and_an_arc_hold_the_reference = "../ui/singleton-game/pass/a-box-and-an-arc.rs";
    a_static_of_ones_own_holds_the_reference = "../ui/singleton-game/pass/a-static-of-ones-own.rs";
    a_wrapper_that_clones_copies_the_reference = "../ui/singleton-game/pass/a-wrapper-that-clones.rs";
    another_name_is_the_same_type = "../ui/singleton-game/pass/another-name.rs";
    what_never_comes_is_never_assigned = "../ui/singleton-game/pass/assigning-what-never-comes.rs";
    a_clone_without_a_type_copies_the_reference = "../ui/singleton-game/pass/clone-without-a-type.rs";
    a_hundred_threads_hold_the_same_reference = "../ui/singleton-game/pass/one-for-each-thread.rs";
    to_owned_copies_the_reference = "../ui/singleton-game/pass/to-owned.rs";
    an_underscore_moves_nothing = "../ui/singleton-game/pass/underscore.rs";
}

#[test]
fn every_twin_and_every_way_that_is_none_is_run_here() {
    let mut found = BTreeSet::new();
    for krate in CRATES {
        for kind in ["twin", "pass"] {
            // Only the singleton has ways that look as if they led round it.
            let programs = names(&ui().join(krate).join(kind), "rs").unwrap_or_default();
            found.extend(
                programs
                    .iter()
                    .map(|name| format!("../ui/{krate}/{kind}/{name}.rs")),
            );
        }
    }
    let run = PROGRAMS.iter().map(|&path| path.to_owned()).collect();
    assert_eq!(
        found, run,
        "the programs in twin/ and pass/ (left) are not those that this file runs (right)"
    );
}
