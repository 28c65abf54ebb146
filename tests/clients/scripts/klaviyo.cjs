// Klaviyo's own client for Node. Each of its APIs has the host as a setting, basePath.
'use strict';

const klaviyo = require('klaviyo-api');
const run = require('./steps.cjs');

const url = process.env.REHEARSAL_URL;
const session = new klaviyo.ApiKeySession('pk_rehearsal');
const api = (name) => Object.assign(new klaviyo[name](session), { basePath: url });
const [profiles, lists, events] = [api('ProfilesApi'), api('ListsApi'), api('EventsApi')];
const [accounts, metrics, segments, coupons] = ['AccountsApi', 'MetricsApi', 'SegmentsApi', 'CouponsApi'].map(api);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const profile = (attributes) => ({ type: 'profile', attributes });

// The client takes a cursor, or the whole link to the next page.
const pages = async (read) => {
  const found = [];
  let cursor;
  for (;;) {
    const { body } = await read(cursor ? { pageCursor: cursor } : {});
    found.push(...body.data);
    if (!body.links.next) return found;
    cursor = new URL(body.links.next).searchParams.get('page[cursor]');
  }
};
const emails = (rows) => rows.map((one) => one.attributes.email);
const until = async (job, read) => {
  for (let tries = 0; job.attributes.status !== 'complete' && tries < 200; tries += 1) {
    await pause(50);
    job = (await read(job.id)).body.data;
  }
  return job.attributes;
};
const named = async (email) => (await profiles.getProfiles({ filter: `equals(email,"${email}")` })).body.data[0].id;

run({
  account: async () => {
    const [one] = (await accounts.getAccounts()).body.data;
    return [one.id, one.attributes.contactInformation.streetAddress.country];
  },
  profiles: async () => emails(await pages((page) => profiles.getProfiles({ pageSize: 100, ...page }))),
  lists: async (kept) => {
    const found = await pages((page) => lists.getLists(page));
    kept.readers = found.find((one) => one.attributes.name === 'Readers').id;
    return found.map((one) => one.attributes.name);
  },
  members: async (kept) => emails(await pages((page) => lists.getProfilesForList(kept.readers, { pageSize: 100, ...page }))),
  sorted: async () => {
    const read = (sort) => profiles.getProfiles({ sort, pageSize: 5 });
    return [emails((await read('email')).body.data), emails((await read('-email')).body.data)];
  },
  made: async (kept) => {
    const body = { data: { type: 'list', attributes: { name: 'Made' } } };
    kept.made = (await lists.createList(body)).body.data.id;
    return typeof kept.made;
  },
  imported: async (kept) => {
    const data = [...Array(230).keys()].map((n) => profile({ email: `i${n}@example.com`, firstName: 'Imported' }));
    const relationships = { lists: { data: [{ type: 'list', id: kept.made }] } };
    const body = { data: { type: 'profile-bulk-import-job', attributes: { profiles: { data } }, relationships } };
    const job = (await profiles.bulkImportProfiles(body)).body.data;
    const done = await until(job, (id) => profiles.getBulkImportProfilesJob(id));
    return [done.status, done.completedCount, done.failedCount];
  },
  removed: async (kept) => {
    const data = [{ type: 'profile', id: await named('i0@example.com') }];
    await lists.removeProfilesFromList(kept.made, { data });
    await lists.addProfilesToList(kept.made, { data });
    await lists.removeProfilesFromList(kept.made, { data });
    return data.length;
  },
  subscribed: async (kept) => {
    const subscriptions = { email: { marketing: { consent: 'SUBSCRIBED' } } };
    const type = 'profile-subscription-bulk-create-job';
    const relationships = { list: { data: { type: 'list', id: kept.made } } };
    const asked = (email) => ({ type, attributes: { profiles: { data: [profile({ email, subscriptions })] } } });
    const direct = await profiles.bulkSubscribeProfiles({ data: asked('i1@example.com') });
    const confirmed = await profiles.bulkSubscribeProfiles({ data: { ...asked('i8@example.com'), relationships } });
    return [direct.response.status, confirmed.response.status];
  },
  suppressed: async () => {
    const data = [profile({ email: 'i2@example.com' }), profile({ email: 'i3@example.com' })];
    const type = 'profile-suppression-bulk-create-job';
    const job = (await profiles.bulkSuppressProfiles({ data: { type, attributes: { profiles: { data } } } })).body.data;
    return (await until(job, (id) => profiles.getBulkSuppressProfilesJob(id))).status;
  },
  unsuppressed: async () => {
    const data = [profile({ email: 'i3@example.com' })];
    const type = 'profile-suppression-bulk-delete-job';
    return (await profiles.bulkUnsuppressProfiles({ data: { type, attributes: { profiles: { data } } } })).response.status;
  },
  consents: async () => {
    const found = {};
    for (const email of ['i1@example.com', 'i2@example.com', 'i3@example.com', 'i8@example.com']) {
      const options = { additionalFieldsProfile: ['subscriptions'], filter: `equals(email,"${email}")` };
      const marketing = (await profiles.getProfiles(options)).body.data[0].attributes.subscriptions.email.marketing;
      found[email] = [marketing.consent, marketing.canReceiveEmailMarketing];
    }
    return found;
  },
  events: async () => (await pages((page) => events.getEvents(page))).length,
  since: async () => {
    const filter = `greater-or-equal(timestamp,${process.env.SINCE})`;
    return (await pages((page) => events.getEvents({ filter, ...page }))).map((one) => one.attributes.timestamp);
  },
  metrics: async () => (await metrics.getMetrics()).body.data.map((one) => one.attributes.name),
  merged: async () => {
    const [into, from] = [await named('i4@example.com'), await named('i5@example.com')];
    const relationships = { profiles: { data: [{ type: 'profile', id: from }] } };
    return (await profiles.mergeProfiles({ data: { type: 'profile-merge', id: into, relationships } })).body.data.id === into;
  },
  waited: async () => {
    const body = JSON.stringify({ faults: 'klaviyo:throttle@1' });
    await fetch(`${url}/_rehearsal/settings`, { method: 'POST', body });
    return (await accounts.getAccounts()).response.status;
  },
  field: async () => profiles.getProfiles({ fieldsProfile: ['email', 'shoe_size'] }),
  missing: async () => lists.getList('NOLIST'),
  segments: async () => (await segments.getSegments()).body.data.length,
  tags: async () => (await lists.getLists({ include: ['tags'] })).body.included,
  included: async () => lists.getLists({ include: ['flow-triggers'] }),
  event: async () => {
    const metric = { data: { type: 'metric', attributes: { name: 'Placed Order' } } };
    const attributes = { properties: {}, metric, profile: { data: profile({ email: 'i6@example.com' }) } };
    await events.createEvent({ data: { type: 'event', attributes: { ...attributes, uniqueId: 'once', value: 9.5 } } });
    await events.createEvent({ data: { type: 'event', attributes: { ...attributes, uniqueId: 'once', value: 1 } } });
    const key = (await metrics.getMetrics()).body.data.find((one) => one.attributes.name === 'Placed Order').id;
    const { body } = await events.getEvents({ filter: `equals(metric_id,"${key}")`, include: ['profile'] });
    return [body.data.map((one) => one.attributes.eventProperties.$value), emails(body.included)];
  },
  coupons: async () => coupons.getCoupons(),
});
