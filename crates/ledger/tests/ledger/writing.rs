//! Many who hand in, one who writes, and what survives the death of the process.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use serin_ledger::{Digest, EventId, Evidence, Key, Parcel, WriteError, Writer};
use serin_model::Timestamp;

use crate::databases::{File, Place, on_each, open};
use crate::sample::*;

#[test]
fn many_hand_in_to_one_writer() {
    on_each(|place| {
        let place = place();
        let (writer, thread) = Writer::start(place.open()).unwrap();
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let writer = writer.clone();
                std::thread::spawn(move || {
                    for number in 0..20 {
                        let events = vec![change(&format!("{thread}.{number}"), number)];
                        let parcel = Parcel::new(minute(number), Vec::new(), events).unwrap();
                        assert!(!writer.append(parcel.clone()).unwrap()[0].was_known);
                        assert!(writer.append(parcel).unwrap()[0].was_known);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let conflict = Parcel::new(minute(0), Vec::new(), vec![change("0.0", 99)]).unwrap();
        assert!(matches!(writer.append(conflict), Err(WriteError::Refused(_))));
        drop(writer);
        thread.join().unwrap();
        let mut ledger = place.open();
        assert_eq!(ledger.head().unwrap().position, 160);
        assert_eq!(verified(&mut ledger), "well");
    });
}

#[test]
fn whoever_cannot_wait_is_called() {
    let place = File::new();
    let (writer, _thread) = Writer::start(place.open()).unwrap();
    let (answer, answers) = mpsc::channel();
    for number in 0..100 {
        let events = vec![change(&number.to_string(), number)];
        let parcel = Parcel::new(minute(number), Vec::new(), events).unwrap();
        let answer = answer.clone();
        writer
            .submit(parcel, move |result| answer.send(result.unwrap()[0].position).unwrap())
            .unwrap();
    }
    let positions: Vec<u64> = answers.iter().take(100).collect();
    assert_eq!(positions, (1..=100).collect::<Vec<_>>());
}

/// Kills of one ledger, one after the other.
const KILLS: u64 = 20;

#[test]
fn nothing_that_was_accepted_is_lost_when_the_process_is_killed() {
    on_each(|place| {
        let place = place();
        drop(place.open());
        let mut draws = Draws(7);
        let mut accepted = Vec::new();
        for life in 0..KILLS {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "writing::appends_until_it_is_killed",
                    "--ignored",
                    "--nocapture",
                ])
                .env("SERIN_TEST_LEDGER", place.location())
                .env("SERIN_TEST_LIFE", life.to_string())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let enough = draws.below(60);
            let is_accepted = |line: &String| line.starts_with("accepted ");
            accepted.extend(lines.by_ref().map_while(Result::ok).filter(is_accepted).take(enough));
            // At any point of the next transaction.
            let _ = (0..draws.below(3_000_000)).map(std::hint::black_box).sum::<usize>();
            child.kill().unwrap();
            child.wait().unwrap();
            accepted.extend(lines.map_while(Result::ok).filter(is_accepted));
        }
        let mut ledger = place.open();
        assert_eq!(verified(&mut ledger), "well");
        assert!(accepted.len() > KILLS as usize * 10, "{} accepted", accepted.len());
        for line in accepted {
            let words: Vec<&str> = line.split(' ').collect();
            let [_, source_id, id] = *words else { panic!("{line}") };
            let event =
                ledger.event_of_key(&Key::new("test", source_id)).unwrap().expect(source_id);
            assert_eq!(event.id, id.parse::<EventId>().unwrap());
            let evidence = ledger.evidence(&event.header.evidence[0]).unwrap().unwrap();
            assert_eq!(Digest::of(&evidence.expand().unwrap()), event.header.evidence[0]);
        }
    });
}

/// The child of the test above; it appends and says what was accepted, until it is killed.
#[test]
#[ignore = "it is run by another test, and ends by being killed"]
fn appends_until_it_is_killed() {
    let (Ok(location), Ok(life)) =
        (std::env::var("SERIN_TEST_LEDGER"), std::env::var("SERIN_TEST_LIFE"))
    else {
        return;
    };
    let mut ledger = open(&location);
    let mut draws = Draws(life.parse().unwrap());
    for round in 0..1000 {
        let parcels: Vec<Parcel> = (0..=draws.below(20))
            .map(|number| {
                let name = format!("{life}.{round}.{number}");
                let text = name.repeat(1 + draws.below(2000));
                let evidence = Evidence::new(text.as_bytes()).unwrap();
                let event = change(&name, 0).proven_by(vec![evidence.digest()]).unwrap();
                // A clock that nobody can rely on.
                let known_at = Timestamp::from_millis(START + draws.below(1_000_000) as i64);
                Parcel::new(known_at, vec![evidence], vec![event]).unwrap()
            })
            .collect();
        let answers = ledger.append(&parcels).unwrap();
        let mut said = String::new();
        for (parcel, answer) in parcels.iter().zip(answers) {
            let key = &parcel.events()[0].header().key;
            said += &format!("accepted {} {}\n", key.source_id, answer.unwrap()[0].id);
        }
        let mut stdout = std::io::stdout().lock();
        // Whoever reads may be gone, just before this is killed.
        let _ = stdout.write_all(said.as_bytes()).and_then(|()| stdout.flush());
    }
}

/// Numbers that look random and are the same every time: splitmix64.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}
