//! Changes who answers for a login.

use crate::governance::permit::{Action, Permit};
use crate::lifecycle::app::App;
use crate::lifecycle::app::permits::{generation, told};
use crate::lifecycle::contexts::{Context, Index, Selector};
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::event::EventCode;
use crate::model::ids::ContextName;
use crate::model::provenance::Owner;
use crate::records::record::Record;

/// Seals another owner in the record of `name`, and returns the context. The contexts for other orgs of the same login change with it.
pub(crate) fn change(app: &App, name: &ContextName, owner: &Owner) -> Result<Context> {
    let context = app.select(&Selector { context: Some(name.clone()), org: None })?;
    let state_dir = app.state_dir()?.ok_or_else(gone)?;
    // Before the lock is taken: a person may be asked.
    let grant = app.unlock(app.files(&state_dir, &context.grant), &context.key_store)?;
    let record = grant.read()?;
    let subject = context.subject(&record.provenance);
    let seen = app.look_at_trail(&grant, &record, &subject);
    let permit = app.permit_after(Action::ChangeOwner, subject.clone(), &seen)?;
    permit.concerns(subject, Some(grant.trail_key()));
    let changed = try_to_change(app, &context, &grant, owner, &permit);
    permit.end(&changed);
    told(grant.files(), changed?);
    let index = Index::read(Some(&state_dir))?;
    let entry = index.get(name).filter(|entry| entry.grant == context.grant).ok_or_else(gone)?;
    Ok(app.context(&state_dir, &index, entry, index.selected_here(&app.config).as_ref()))
}

/// Returns the new generation.
fn try_to_change(
    app: &App,
    context: &Context,
    grant: &crate::records::open_grant::OpenGrant<'_>,
    owner: &Owner,
    permit: &Permit<'_>,
) -> Result<u64> {
    let lock = grant.files().lock(app.config.lock_timeout)?;
    let recovered = grant.recover(&lock)?;
    let record = recovered.record;
    app.check_entry(context, grant, &record)?;
    if recovered.journal.is_some_and(|journal| journal.may_have_rotated()) {
        // A commit would clear the journal, which says that the refresh token may be spent.
        let message = format!("cannot change the owner of {}: a refresh of it was interrupted", context.name);
        return Err(Error::new(ErrorKind::Interrupted, message).with(Remedy::Retry { after: None }));
    }
    let before = record.provenance.owner.clone();
    let mut record = Record { generation: record.generation + 1, cause: EventCode::OwnerChanged, ..record };
    record.provenance.owner = Some(owner.clone());
    grant.commit(&lock, permit, &mut record)?;
    permit.note_generation(EventCode::OwnerChanged, generation(grant, &record), |event| {
        event.of.provenance.owner = Some(owner.clone());
        event.details.before = before.map(|before| before.to_string());
    });
    Ok(record.generation)
}

fn gone() -> Error {
    Error::new(ErrorKind::NotLoggedIn, "the login was ended or replaced meanwhile")
        .with(Remedy::LogIn { context: None })
}
