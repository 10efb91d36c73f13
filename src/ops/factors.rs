//! The second factor: enrolled once, given to unlock for a while what is behind it.

use std::sync::{Mutex, PoisonError};

use damfs_policy::Lock;
use serde_json::{Value, json};

use super::record::Hand;
use super::{Actor, Library, OpsError, members, trail};
use crate::catalog::{ChangeKind, FactorRow, WriteTx};
use crate::crypto::{CryptoError, FactorSecret, SECRET, recovery_code, recovery_hash};
use crate::types::{MemberId, Timestamp};

/// How many recovery codes come with a factor.
const RECOVERY_CODES: usize = 10;
/// So many wrong codes in a row, and none is taken for a while.
const WRONG_MOST: u32 = 5;
const BLOCKED_MS: i64 = 15 * 60 * 1000;

/// When the first of what is unlocked is locked again, as of an epoch of the gate.
#[derive(Default)]
pub struct Leases(Mutex<(u64, Option<Timestamp>)>);

/// A secret for the caller, kept nowhere until he shows with a code that his app has it.
///
/// # Errors
/// [`OpsError::Locked`] for who has a factor and has not given it.
pub fn begin(library: &Library, actor: &Actor) -> Result<Value, OpsError> {
    must_be_open(actor)?;
    let secret = FactorSecret::make(&*library.entropy).map_err(broken)?;
    let uri = secret.uri(&actor.member.name).map_err(broken)?;
    Ok(json!({ "member": actor.member.name, "secret": secret.text(), "uri": uri }))
}

/// Makes a secret the caller's second factor, in the place of a former one. Answers with recovery codes, which are told once.
///
/// # Errors
/// As [`begin`]; [`OpsError::Usage`] when the code is not of that secret.
pub fn enrol(library: &Library, actor: &Actor, secret: &str, code: &str) -> Result<Value, OpsError> {
    must_be_open(actor)?;
    let again = "begin again with: dam member totp";
    let secret =
        FactorSecret::parse(secret).ok_or_else(|| OpsError::usage("this is no secret of a second factor", again))?;
    let now = library.clock.now();
    let Some(last_step) = secret.step_of(&digits(code), now, 0).map_err(broken)? else {
        return Err(OpsError::usage(
            "the code is not the one that the secret gives now; nothing was changed",
            "look whether the clocks of this machine and of the app are right, and begin again with: dam member totp",
        ));
    };
    let (codes, recovery): (Vec<_>, Vec<_>) = (0..RECOVERY_CODES)
        .map(|_| recovery_code(&*library.entropy))
        .collect::<Result<Vec<_>, _>>()
        .map_err(broken)?
        .into_iter()
        .unzip();
    let member = actor.member.id;
    let (epoch, wrapped) =
        library.keyring.wrap_key(&boxed(&secret), &aad(member), &*library.entropy).map_err(broken)?;
    let row = FactorRow {
        member,
        epoch,
        secret: wrapped,
        enrolled: now,
        last_step,
        wrong: 0,
        blocked: None,
        unlocked: None,
        recovery,
    };
    library.catalog.write(|tx| store(tx, &row, &actor.hand(now), "totp.enrol", &json!({})))?;
    Ok(json!({ "member": actor.member.name, "recovery": codes }))
}

/// Opens what is behind the caller's second factor for so many seconds, for a code of his app or a recovery code.
///
/// # Errors
/// [`OpsError::Locked`] when the code is wrong or was used, or too many were wrong.
pub fn unlock(library: &Library, actor: &Actor, seconds: u64, code: &str) -> Result<Value, OpsError> {
    let longest = FactorRow::LONGEST.as_secs();
    if !(1..=longest).contains(&seconds) {
        let hours = longest / 3600;
        return Err(OpsError::usage(
            "nothing can be unlocked for that long",
            format!("choose one second to {hours} hours"),
        ));
    }
    let now = library.clock.now();
    let until = now.plus_ms(i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX));
    let hand = actor.hand(now);
    // A wrong code is counted, so it is no error inside.
    library.catalog.write(|tx| -> Result<_, OpsError> {
        let Some(mut row) = tx.factor(actor.member.id)? else {
            return Err(OpsError::failed("you have no second factor", "enrol one with: dam member totp"));
        };
        if let Some(blocked) = row.blocked.filter(|blocked| (1..=BLOCKED_MS).contains(&blocked.ms_since(now))) {
            let detail = json!({ "reason": "blocked", "until": blocked.to_string() });
            trail::append(tx, &hand, "unlock.refused", &row.member.to_string(), &detail)?;
            return Ok(Err(blocked_until(blocked)));
        }
        let secret = opened(library, &row)?;
        if !take(&mut row, &secret, code, now)? {
            row.wrong += 1;
            if row.wrong >= WRONG_MOST {
                (row.wrong, row.blocked) = (0, Some(now.plus_ms(BLOCKED_MS)));
            }
            tx.put_factor(&row)?;
            trail::append(tx, &hand, "unlock.refused", &row.member.to_string(), &json!({ "reason": "wrong code" }))?;
            return Ok(Err(row.blocked.map_or_else(wrong_code, blocked_until)));
        }
        (row.wrong, row.blocked, row.unlocked) = (0, None, Some(until));
        store(tx, &row, &hand, "unlock", &json!({ "until": until.to_string() }))?;
        Ok(Ok(json!({ "until": until.to_string(), "recovery_left": row.recovery.len() })))
    })?
}

/// Closes it again.
///
/// # Errors
/// When the catalogue fails.
pub fn lock(library: &Library, actor: &Actor) -> Result<Value, OpsError> {
    let now = library.clock.now();
    library.catalog.write(|tx| {
        let row = tx.factor(actor.member.id)?.filter(|row| row.unlocked.is_some());
        if let Some(mut row) = row {
            row.unlocked = None;
            store(tx, &row, &actor.hand(now), "lock", &json!({}))?;
        }
        Ok(json!({ "locked": true }))
    })
}

/// Takes away the caller's second factor, or for an admin a member's who has lost it.
///
/// # Errors
/// [`OpsError::Locked`] for one's own that was not given, [`OpsError::Refused`] for who is no admin.
pub fn remove(library: &Library, actor: &Actor, name: Option<&str>) -> Result<Value, OpsError> {
    let name = name.unwrap_or(&actor.member.name);
    if name == actor.member.name {
        must_be_open(actor)?;
    } else {
        actor.must_be_admin("take away the second factor of another")?;
    }
    let now = library.clock.now();
    library.catalog.write(|tx| {
        let Some(member) = tx.member_by_name(name)? else { return Err(members::unknown(name, &tx.members()?)) };
        let had = tx.remove_factor(member.id)?;
        if had {
            told(tx, member.id, &actor.hand(now), "totp.remove", &json!({}))?;
        }
        Ok(json!({ "member": name, "removed": had }))
    })
}

/// What is shown of a member's second factor, to himself and to admins.
pub(super) fn shown(row: Option<&FactorRow>, now: Timestamp) -> Value {
    match row {
        None => Value::Null,
        Some(row) => json!({
            "enrolled": row.enrolled.to_string(),
            "unlocked_until": row.open_until(now).map(|until| until.to_string()),
            "recovery_left": row.recovery.len(),
        }),
    }
}

impl Library {
    /// Locks again what was unlocked until now, so that names, handles and caches hear of it.
    ///
    /// # Errors
    /// When the catalogue fails.
    pub(super) fn sweep_leases(self: &std::sync::Arc<Self>) -> Result<(), OpsError> {
        let (now, epoch) = (self.clock.now(), self.gate.epoch());
        let mut known = self.leases.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0 != epoch {
            let factors = self.catalog.read(|tx| tx.factors())?;
            *known = (epoch, factors.iter().filter_map(|row| row.unlocked).min());
        }
        if known.1.is_none_or(|end| FactorRow::is_open(end, now)) {
            return Ok(());
        }
        drop(known);
        self.catalog.write(|tx| {
            for mut row in tx.factors()? {
                if row.unlocked.is_some() && row.open_until(now).is_none() {
                    row.unlocked = None;
                    store(tx, &row, &Hand::own(Some(row.member), now), "lock", &json!({ "by": "time" }))?;
                }
            }
            Ok(())
        })
    }
}

/// Whether a code is right: it is used up then.
fn take(row: &mut FactorRow, secret: &FactorSecret, code: &str, now: Timestamp) -> Result<bool, OpsError> {
    if let Some(step) = secret.step_of(&digits(code), now, row.last_step).map_err(broken)? {
        row.last_step = step;
        return Ok(true);
    }
    let hash = recovery_hash(code);
    let known = row.recovery.len();
    row.recovery.retain(|code| *code != hash);
    Ok(row.recovery.len() < known)
}

fn store(tx: &mut dyn WriteTx, row: &FactorRow, hand: &Hand, action: &str, detail: &Value) -> Result<(), OpsError> {
    tx.put_factor(row)?;
    told(tx, row.member, hand, action, detail)
}

/// Whoever decides by it hears of it, and so does the record.
fn told(tx: &mut dyn WriteTx, member: MemberId, hand: &Hand, action: &str, detail: &Value) -> Result<(), OpsError> {
    tx.change(ChangeKind::Access, &member.to_string())?;
    Ok(trail::append(tx, hand, action, &member.to_string(), detail)?)
}

/// Whoever has a second factor gives it before he changes it.
fn must_be_open(actor: &Actor) -> Result<(), OpsError> {
    if actor.who().subject.lock() != Some(Lock::Locked) {
        return Ok(());
    }
    Err(OpsError::Locked {
        message: "you have a second factor already, and it is to be given before it is changed".into(),
        hint: "give it with: dam unlock; who has lost it uses a recovery code, or asks an admin for: dam member totp NAME --remove".into(),
    })
}

fn wrong_code() -> OpsError {
    OpsError::Locked {
        message: "the code is wrong, or was used before".into(),
        hint: "each code is taken once: wait for the next one; a recovery code is taken too".into(),
    }
}

fn blocked_until(until: Timestamp) -> OpsError {
    OpsError::Locked {
        message: format!("too many wrong codes: none is taken before {until}"),
        hint: "wait until then; whoever tried is on record: dam log".into(),
    }
}

/// Apps show `123 456`.
fn digits(code: &str) -> String {
    code.chars().filter(|c| !c.is_whitespace()).collect()
}

fn aad(member: MemberId) -> Vec<u8> {
    format!("damfs second factor v1\n{member}").into_bytes()
}

/// The secret as the keyring wraps keys: with zeros behind it.
fn boxed(secret: &FactorSecret) -> zeroize::Zeroizing<[u8; 32]> {
    let mut out = zeroize::Zeroizing::new([0; 32]);
    out[..SECRET].copy_from_slice(secret.bytes());
    out
}

fn opened(library: &Library, row: &FactorRow) -> Result<FactorSecret, OpsError> {
    let key = library.keyring.unwrap_key(row.epoch, &row.secret, &aad(row.member)).map_err(broken)?;
    let mut bytes = [0; SECRET];
    bytes.copy_from_slice(&key[..SECRET]);
    Ok(FactorSecret::of(bytes))
}

fn broken(e: CryptoError) -> OpsError {
    OpsError::failed(
        format!("the second factor cannot be read or made: {e}"),
        "see whether the library is whole: dam fsck",
    )
}
