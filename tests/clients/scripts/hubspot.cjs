// HubSpot's own client for Node. Its host is a setting, basePath.
'use strict';

const { Client } = require('@hubspot/api-client');
const run = require('./steps.cjs');

const client = new Client({ accessToken: 'pat-rehearsal', basePath: process.env.REHEARSAL_URL });
const { contacts, lists, properties } = client.crm;
const people = [...Array(100).keys()].map((n) => `h${n}@example.com`);
const email = (one) => one.properties.email;

const search = async (more) => {
  const found = [];
  let after = '0';
  do {
    const asked = { filterGroups: [], sorts: ['email'], properties: ['email', 'firstname'], limit: 200, after, ...more };
    const page = await contacts.searchApi.doSearch(asked);
    found.push(...page.results.map(email));
    after = page.paging?.next?.after;
  } while (after);
  return found;
};

run({
  contacts: async () => (await contacts.getAll(undefined, undefined, ['email'])).map(email),
  created: async (kept) => {
    const inputs = people.map((one) => ({ properties: { email: one, firstname: 'New' }, objectWriteTraceId: one, associations: [] }));
    const made = (await contacts.batchApi.create({ inputs })).results;
    kept.ids = Object.fromEntries(made.map((one) => [email(one), one.id]));
    return made.length;
  },
  updated: async (kept) => {
    const inputs = people.slice(0, 50).map((one) => ({ id: kept.ids[one], properties: { firstname: 'Changed' } }));
    return (await contacts.batchApi.update({ inputs })).results.length;
  },
  read: async () => {
    const inputs = people.slice(0, 60).map((id) => ({ id }));
    const asked = { idProperty: 'email', properties: ['email', 'firstname'], propertiesWithHistory: [], inputs };
    const found = (await contacts.batchApi.read(asked)).results;
    return found.filter((one) => one.properties.firstname === 'Changed').map(email);
  },
  conflict: async () => contacts.basicApi.create({ properties: { email: people[0] }, associations: [] }),
  everybody: async () => search({ query: 'example.com' }),
  percent: async () => search({ query: '50%' }),
  underscore: async () => search({ query: 'a_b' }),
  token: async () => {
    const filter = (value) => [{ filters: [{ propertyName: 'firstname', operator: 'CONTAINS_TOKEN', value }] }];
    return [await search({ filterGroups: filter('50%') }), await search({ filterGroups: filter('5_') })];
  },
  down: async () => {
    const sorts = [{ propertyName: 'email', direction: 'DESCENDING' }];
    const asked = { filterGroups: [], sorts, properties: ['email'], limit: 3, after: '0' };
    return (await contacts.searchApi.doSearch(asked)).results.map(email);
  },
  option: async (kept) => {
    const options = ['VIP_A', 'VIPxA'].map((value, at) => ({ label: value, value, displayOrder: at, hidden: false }));
    const asked = { name: 'made_tags', label: 'Made', type: 'enumeration', fieldType: 'checkbox', groupName: 'contactinformation', options };
    await properties.coreApi.create('contacts', asked);
    const inputs = ['VIP_A', 'VIPxA'].map((value, at) => ({ id: kept.ids[people[at]], properties: { made_tags: value } }));
    await contacts.batchApi.update({ inputs });
    return search({ filterGroups: [{ filters: [{ propertyName: 'made_tags', operator: 'IN', values: ['VIP_A'] }] }] });
  },
  list: async (kept) => {
    const made = await lists.listsApi.create({ name: 'Made', objectTypeId: '0-1', processingType: 'MANUAL' });
    kept.list = made.list;
    const added = await lists.membershipsApi.add(kept.list.listId, Object.values(kept.ids));
    const gone = await lists.membershipsApi.remove(kept.list.listId, [kept.ids[people[0]]]);
    return [added.recordsIdsAdded.length, gone.recordIdsRemoved.length];
  },
  members: async () => {
    const found = [];
    const readers = (await lists.listsApi.getByName('Readers', '0-1')).list.listId;
    let after;
    do {
      const page = await lists.membershipsApi.getPage(readers, after, undefined, 250);
      found.push(...page.results.map((one) => one.recordId));
      after = page.paging?.next?.after;
    } while (after);
    return found;
  },
  renamed: async (kept) => {
    await new Promise((done) => setTimeout(done, 20));
    await lists.listsApi.updateName(kept.list.listId, '60% off');
    const after = (await lists.listsApi.getById(kept.list.listId)).list;
    return [after.name, new Date(after.updatedAt) > new Date(kept.list.updatedAt)];
  },
  searched: async () => {
    const named = async (query) => (await lists.listsApi.doSearch({ query, count: 20, offset: 0 })).lists.map((one) => one.name);
    return [await named('%'), await named('_'), await named('OFF')];
  },
  merged: async (kept) => {
    const asked = { primaryObjectId: kept.ids[people[1]], objectIdToMerge: kept.ids[people[2]] };
    return (await contacts.basicApi.merge(asked)).id === kept.ids[people[1]];
  },
  archived: async (kept) => {
    await contacts.basicApi.archive(kept.ids[people[3]]);
    return (await contacts.getAll(undefined, undefined, ['email'])).map(email);
  },
  erased: async () => (await contacts.basicApi.purge({ objectId: people[4], idProperty: 'email' })) ?? null,
  missing: async () => lists.listsApi.getById('999'),
  history: async () => contacts.basicApi.getPage(10, undefined, ['email'], ['email']),
  companies: async () => (await contacts.basicApi.getPage(10, undefined, ['email'], undefined, ['companies'])).results.length,
  associations: async () => (await contacts.basicApi.getPage(10, undefined, ['email'], undefined, ['notes'])).results.length,
  deals: async () => client.crm.deals.getAll(),
  owners: async () => client.crm.owners.ownersApi.getPage(),
  definitions: async (kept) => {
    const preferences = client.communicationPreferences;
    const found = await preferences.definitionApi.getPage();
    kept.definitions = found.subscriptionDefinitions || found.results;
    return kept.definitions.map((one) => one.name);
  },
  left: async (kept) => {
    const { statusApi, statusesApi } = client.communicationPreferences;
    const asked = { emailAddress: people[5], subscriptionId: kept.definitions[0].id };
    if (statusApi) return (await statusApi.unsubscribe(asked)).status;
    const wanted = { subscriptionId: kept.definitions[0].id, statusState: 'UNSUBSCRIBED', channel: 'EMAIL' };
    return (await statusesApi.updateSubscriptionStatus(people[5], wanted)).status;
  },
});
