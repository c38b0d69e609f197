//! The macros that make a test of each function.

/// The tests of a `Store`, in the module where it stands.
///
/// The expression makes a [`Home`](crate::stores::Home), once for each test:
/// `store_suite!(InMemory(MemoryStore::new()));`.
///
/// They prove: a log is created once; numbers increase, and what is refused leaves nothing behind;
/// a writer that reopens fences the ones before it; a closed log takes nothing more; readers, and
/// tails with them, see each event once, in order, also of other handles, of long logs, of large
/// events and of kinds that nobody knows; deleted is deleted, for tails too; states and lists say what
/// is in the logs; a run is its worker's as long as the lease is good; and all of it with many at once.
#[macro_export]
macro_rules! store_suite {
    ($home:expr) => {
        $crate::__store_tests! {
            $home;
            writers::a_log_is_created_once,
            writers::without_a_log_writing_is_not_found,
            writers::a_writer_that_reopens_fences_the_one_before_it,
            writers::an_event_of_another_epoch_than_its_writers_is_refused,
            writers::numbers_must_increase_and_may_leave_gaps,
            writers::a_closed_log_takes_nothing_more,
            writers::each_durability_is_read_back_at_once,
            writers::ids_names_and_owners_may_be_any_text,
            readers::without_a_log_reading_is_not_found,
            readers::reading_begins_after_a_place_and_stops_at_the_limit,
            readers::a_long_log_is_read_in_pages,
            readers::large_events_come_back_whole,
            readers::kinds_that_nobody_knows_are_kept_verbatim,
            readers::a_tail_waits_for_what_comes_and_ends_with_the_log,
            readers::a_tail_begins_after_its_place,
            readers::a_tail_sees_what_another_handle_appends,
            readers::the_tails_of_a_deleted_log_end,
            runs::without_a_log_nothing_is_known,
            runs::a_runs_state_follows_its_log,
            runs::what_a_run_began_with_is_kept_beside_its_log,
            runs::a_deleted_log_is_gone,
            runs::runs_are_listed_newest_first_by_owner_and_page_by_page,
            runs::runs_are_found_by_name_status_and_time,
            workers::a_run_is_its_workers_as_long_as_the_lease_is_good,
            workers::a_worker_claims_its_own_runs_and_gives_its_lease_back,
            workers::a_run_without_a_worker_or_lease_is_free,
            workers::what_waits_or_has_ended_is_no_workers,
            workers::without_a_log_there_is_nothing_to_claim,
            workers::of_those_that_claim_a_run_at_once_one_does,
            together::many_runs_are_written_and_read_at_once,
            together::of_those_that_create_a_log_at_once_one_does,
            together::writers_that_fence_each_other_leave_one_log,
            together::appends_of_one_writer_at_once_are_all_or_nothing,
        }
    };
}

/// The tests of `Conversations`, in the module where it stands.
///
/// The expression makes a [`Home`](crate::stores::Home), once for each test.
///
/// They prove: each owner has ids of their own; a save of an older version is refused and overwrites
/// nothing, also when several save at once; a list has the last saved first.
#[macro_export]
macro_rules! conversations_suite {
    ($home:expr) => {
        $crate::__store_tests! {
            $home;
            conversations::a_conversation_is_its_owners_alone,
            conversations::a_save_of_an_older_version_is_refused,
            conversations::a_list_has_the_last_saved_first_up_to_its_limit,
            conversations::of_those_that_save_at_once_one_does,
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __store_tests {
    ($home:expr; $($part:ident::$test:ident,)*) => {$(
        #[::tokio::test]
        async fn $test() {
            $crate::stores::$part::$test($home).await;
        }
    )*};
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_test_is_forgotten() {
        let listed = include_str!("suites.rs");
        for (part, source) in [
            ("writers", include_str!("writers.rs")),
            ("readers", include_str!("readers.rs")),
            ("runs", include_str!("runs.rs")),
            ("workers", include_str!("workers.rs")),
            ("together", include_str!("together.rs")),
            ("conversations", include_str!("conversations.rs")),
        ] {
            let tests = source.split("pub async fn ").skip(1);
            for test in tests.filter_map(|rest| rest.split('<').next()) {
                assert!(listed.contains(&format!(" {part}::{test},")), "{test}");
            }
        }
    }
}
