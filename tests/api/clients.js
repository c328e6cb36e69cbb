// SPDX-License-Identifier: GPL-2.0-or-later
// What code for OVHcloud's API does, with the clients as they come from the registry:
//   clients.js PACKAGE COMMAND [ARGUMENT...]
// API_KEYS is a file with keys, API_HOST and API_PORT say where the gateway is; NODE_PATH has the packages.
'use strict';
const fs = require('fs');
const [packageName, command, ...words] = process.argv.slice(2);
const keys = JSON.parse(fs.readFileSync(process.env.API_KEYS, 'utf8'));
const client = require(packageName)({
  host: process.env.API_HOST,
  port: Number(process.env.API_PORT),
  appKey: keys['application-key'],
  appSecret: keys['application-secret'],
  consumerKey: keys['consumer-key'],
  apis: ['dedicatedCloud', 'dedicated/server'],
  warn: (text) => { throw new Error('the client warns: ' + text); },
});
const call = (method, path, params) => client.requestPromised(method, path, params || {});
const cloud = '/dedicatedCloud/pcc-192-0-2-1';
const center = cloud + '/datacenter/1';
const server = '/dedicated/server/ns1.example.net';
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function finished(path, id, field, bad) {
  for (let turn = 0; turn < 400; turn++) {
    const task = await call('GET', path + '/task/' + id);
    if (task[field] === 'done') return task;
    if (bad.includes(task[field])) throw new Error(JSON.stringify(task));
    await pause(100);
  }
  throw new Error('task ' + id + ' does not end');
}
const cloudTask = (task) => finished(cloud, task.taskId, 'state', ['error', 'canceled']);
const serverTask = (task) =>
  finished(server, task.taskId, 'status', ['customerError', 'ovhError', 'cancelled']);

function equal(what, seen, wanted) {
  if (JSON.stringify(seen) !== JSON.stringify(wanted))
    throw new Error(what + ': is ' + JSON.stringify(seen) + ', expected ' + JSON.stringify(wanted));
}

const commands = {
  async look() {
    equal('services', await call('GET', '/dedicatedCloud'), ['pcc-192-0-2-1']);
    equal('datacenters', await call('GET', cloud + '/datacenter'), [1]);
    equal('gateway', await call('GET', center + '/privateGateway'),
      { customerIp: null, customerNetmask: null, customerPortGroup: null, state: 'disabled' });
    equal('tasks', await call('GET', cloud + '/task', { state: 'error' }), []);
    equal('servers', await call('GET', '/dedicated/server'), ['ns1.example.net']);
    const network = await call('GET', server + '/specifications/network');
    equal('vmac', network.vmac, { supported: true, quota: 32 });
  },
  async enable(ip, netmask, portgroup) {
    const task = await call('POST', center + '/privateGateway/enable', { ip, netmask, portgroup });
    const end = await cloudTask(task);
    equal('progress', end.progress, 100);
    equal('gateway', await call('GET', center + '/privateGateway'),
      { customerIp: ip, customerNetmask: netmask, customerPortGroup: portgroup, state: 'enabled' });
  },
  async disable() {
    await cloudTask(await call('POST', center + '/privateGateway/disable'));
    equal('state', (await call('GET', center + '/privateGateway')).state, 'disabled');
  },
  // How MACs are allocated: list, POST, poll the task, list again, take the difference.
  async vmac(ip, type, name) {
    const before = await call('GET', server + '/virtualMac');
    await serverTask(await call('POST', server + '/virtualMac',
      { ipAddress: ip, type, virtualMachineName: name }));
    const after = await call('GET', server + '/virtualMac');
    const fresh = after.filter((mac) => !before.includes(mac));
    equal('new MACs', fresh.length, 1);
    equal('its type', await call('GET', server + '/virtualMac/' + fresh[0]),
      { macAddress: fresh[0], type });
    equal('its address', await call('GET', server + '/virtualMac/' + fresh[0] + '/virtualAddress'), [ip]);
    equal('its machine', await call('GET',
      server + '/virtualMac/' + fresh[0] + '/virtualAddress/' + ip),
      { ipAddress: ip, virtualMachineName: name });
    console.log(fresh[0]);
  },
  async again(ip, type, name) {
    const refusal = await call('POST', server + '/virtualMac',
      { ipAddress: ip, type, virtualMachineName: name }).then(() => null, (why) => why);
    if (!refusal || !String(refusal.message).includes('already exists'))
      throw new Error('expected "already exists", got ' + JSON.stringify(refusal));
  },
  async release(mac, ip) {
    await serverTask(await call('DELETE', server + '/virtualMac/' + mac + '/virtualAddress/' + ip));
    equal('MACs', (await call('GET', server + '/virtualMac')).includes(mac), false);
  },
  async network(block) {
    await cloudTask(await call('POST', cloud + '/allowedNetwork', { network: block, description: 'new' }));
    const ids = await call('GET', cloud + '/allowedNetwork');
    let found = null;
    for (const id of ids) {
      const one = await call('GET', cloud + '/allowedNetwork/' + id);
      if (one.network === block) found = one;
    }
    equal('network', found, { networkAccessId: found.networkAccessId, network: block,
      description: 'new', state: 'allowed' });
    found.description = 'h\u00f6her \u2713';
    await cloudTask(await call('PUT', cloud + '/allowedNetwork/' + found.networkAccessId, found));
    equal('changed', (await call('GET', cloud + '/allowedNetwork/' + found.networkAccessId)).description,
      found.description);
    await cloudTask(await call('DELETE', cloud + '/allowedNetwork/' + found.networkAccessId));
    equal('gone', (await call('GET', cloud + '/allowedNetwork')).includes(found.networkAccessId), false);
  },
};
commands[command](...words).catch((why) => {
  console.error(why);
  process.exitCode = 1;
});
