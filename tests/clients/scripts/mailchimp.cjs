// Mailchimp's own client for Node. Its host is no setting: the base path of its one ApiClient is replaced.
'use strict';

const mailchimp = require('@mailchimp/mailchimp_marketing');
const run = require('./steps.cjs');

const url = process.env.REHEARSAL_URL;
mailchimp.setConfig({ apiKey: 'rehearsal-us1', server: 'us1' });
mailchimp.basePath = `${url}/3.0`;
const { lists } = mailchimp;
const md5 = (text) => require('crypto').createHash('md5').update(text).digest('hex');
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const pages = async (key, read) => {
  const found = [];
  for (;;) {
    const rows = (await read({ count: 700, offset: found.length }))[key];
    if (!rows.length) return found;
    found.push(...rows);
  }
};
const name = (one) => one.email_address;
const listed = (kept) => pages('members', (page) => lists.getListMembersInfo(kept.list, page));

run({
  ping: async () => (await mailchimp.ping.get()).health_status,
  audience: async (kept) => (kept.list = (await lists.getAllLists()).lists[0].id),
  members: async (kept) => Object.fromEntries((await listed(kept)).map((one) => [one.email_address, one.status])),
  left: async (kept) => {
    const read = (page) => lists.getListMembersInfo(kept.list, { ...page, status: 'unsubscribed' });
    return (await pages('members', read)).map((one) => one.email_address);
  },
  set: async (kept) => {
    const body = { email_address: 'new@example.com', status_if_new: 'subscribed', merge_fields: { FNAME: 'Set' } };
    const made = await lists.setListMember(kept.list, md5('new@example.com'), body);
    return [made.status, made.merge_fields.FNAME];
  },
  batch: async (kept) => {
    const members = [...Array(480).keys()].map((n) => ({ email_address: `b${n}@example.com`, status: 'subscribed' }));
    const done = await lists.batchListMembers(kept.list, { members, update_existing: true });
    return [done.total_created, done.error_count];
  },
  tag: async (kept) => {
    const emails = [...Array(450).keys()].map((n) => `b${n}@example.com`);
    kept.tag = (await lists.createSegment(kept.list, { name: 'Made', static_segment: [] })).id;
    const added = await lists.batchSegmentMembers({ members_to_add: emails }, kept.list, kept.tag);
    const gone = await lists.batchSegmentMembers({ members_to_remove: emails.slice(0, 3) }, kept.list, kept.tag);
    return [added.total_added, gone.total_removed];
  },
  tagged: async (kept) => {
    const read = (page) => lists.getSegmentMembersList(kept.list, kept.tag, page);
    return (await pages('members', read)).map((one) => one.email_address);
  },
  tags: async (kept) => {
    const found = await lists.listSegments(kept.list, { type: 'static', count: 100 });
    return Object.fromEntries(found.segments.map((one) => [one.name, one.member_count]));
  },
  operations: async (kept) => {
    const body = JSON.stringify({ tags: [{ name: 'By batch', status: 'active' }] });
    const path = (email) => `/lists/${kept.list}/members/${md5(email)}/tags`;
    const emails = ['b0@example.com', 'b1@example.com'];
    const operations = emails.map((email) => ({ method: 'POST', path: path(email), body }));
    let job = await mailchimp.batches.start({ operations });
    for (let tries = 0; job.status !== 'finished' && tries < 200; tries += 1) {
      await pause(50);
      job = await mailchimp.batches.status(job.id);
    }
    return [job.status, job.finished_operations, job.errored_operations];
  },
  moved: async (kept) => {
    const before = await lists.getListMember(kept.list, md5('b5@example.com'));
    const body = { email_address: 'moved@example.com' };
    const after = await lists.updateListMember(kept.list, md5('b5@example.com'), body);
    return [after.email_address, after.contact_id === before.contact_id, after.id === before.id];
  },
  missing: async (kept) => lists.getListMember(kept.list, md5('nobody@example.com')),
  campaigns: async () => (await mailchimp.campaigns.list()).campaigns.map((one) => one.settings.title),
  reports: async () => (await mailchimp.reports.getAllCampaignReports()).reports.map((one) => one.emails_sent),
  search: async () => {
    const read = async (text) => (await mailchimp.searchMembers.search(text)).full_search.members;
    return [(await read('50% off')).map(name), (await read('a_b')).map(name)];
  },
  activity: async (kept) => {
    const found = await lists.getListMemberActivity(kept.list, md5('p0000@example.com'));
    return found.activity.map((one) => one.action);
  },
  automations: async () => mailchimp.automations.list(),
  key: async () => {
    mailchimp.setConfig({ apiKey: 'rehearsal', server: 'us1' });
    return mailchimp.ping.get();
  },
});
