/**
 * The softphone page. Everything it does with the server goes through tandem.js; this file joins that to the page.
 * For scripts and debugging: window.softphone = {tandem, call, options}; options are what calls are made with (see
 * Tandem.call()), e.g. softphone.options.audio = {echoCancellation: false}.
 */
import { Tandem, ha1, userOf } from './tandem.js';
import { addRecent, clearRecents, readRecents, whenText } from './recents.js';
import { advice, durationText, endNotice, initials, nameOf, needsMicrophone, qualityText, shortAddress } from './words.js';
import * as sounds from './sounds.js';

const $ = (id) => document.getElementById(id);
const TITLE = document.title;
const KEYS = [['1', ''], ['2', 'ABC'], ['3', 'DEF'], ['4', 'GHI'], ['5', 'JKL'], ['6', 'MNO'], ['7', 'PQRS'], ['8', 'TUV'],
  ['9', 'WXYZ'], ['*', ''], ['0', '+'], ['#', '']];
const KEY_NAMES = { '*': 'star', '#': 'hash' };
const LONG_PRESS_MS = 500;
const DIGITS_SHOWN = 16;
const MESSAGES_SHOWN = 200;

const tandem = new Tandem();
let domain = '';
let url = '';
let call = null; // the one call on the page
let ended = { byUs: false };
let lastCall = null; // {to, options} for "call again"
let lastPeer = ''; // whom we wrote to or heard from last
let lastStats = null;
const timers = { duration: 0, title: 0 };
const softphone = { tandem, get call() { return call; }, options: {} };
window.softphone = softphone;

// ---- what is shown ----

function showState() {
  const busy = { calling: 'calling', ringing: 'ringing', early: 'ringing', incoming: 'incoming', answering: 'incoming', talking: 'talking' };
  let state = busy[call?.state];
  state ??= { ready: 'idle', connecting: 'connecting', waiting: 'connecting', closed: 'signed-out' }[tandem.state];
  document.body.dataset.state = state;
  $('status').textContent = tandem.state === 'ready' ? tandem.address
    : tandem.state === 'waiting' ? 'Connection lost. Trying again…' : 'Connecting…';
  for (const id of ['call-button', 'echo', 'notice-again']) $(id).disabled = state !== 'idle';
  $('accept').disabled = call?.state === 'answering';
  $('erase').hidden = $('address').value === '';
  $('recents').inert = state !== 'idle';
  $('send').disabled = $('text').disabled = tandem.state !== 'ready';
  $('write-to').textContent = peer() ? `To ${shortAddress(peer(), domain)}` : 'To whom? Type a name or number into the telephone';
}

function showNotice({ text, kind = 'problem', again = false, listen = '' }) {
  $('notice').hidden = false;
  $('notice').classList.toggle('info', kind === 'info');
  $('notice-text').textContent = text;
  $('notice-again').hidden = !again;
  $('notice-listen').hidden = !listen;
  $('notice-listen').textContent = listen;
}

function hideNotice() {
  $('notice').hidden = true;
  $('notice-text').textContent = '';
}

function showCall() {
  const name = nameOf(call, domain);
  const words = { calling: 'Calling…', ringing: 'Ringing…', early: 'Ringing…', talking: 'Connecting sound…' };
  const connected = call.peerConnection?.connectionState === 'connected';
  $('call-who').textContent = $('incoming-from').textContent = name;
  $('incoming-address').textContent = name === call.address ? '' : call.address;
  $('call-avatar').textContent = $('incoming-avatar').textContent = initials(name);
  $('call-avatar').classList.toggle('ringing', call.state === 'ringing');
  $('call-state').textContent = call.state === 'talking' && connected ? (call.sending ? 'Connected' : 'Connected, listening only')
    : (words[call.state] ?? '');
  $('call-duration').textContent = call.answeredAt ? durationText(Date.now() - call.answeredAt) : '';
  $('mute').disabled = !call.sending;
  showMute();
}

function showMute() {
  $('mute').setAttribute('aria-pressed', String(call.muted));
  $('mute-icon').setAttribute('href', call.muted ? '#i-mic-off' : '#i-mic');
  $('mute-label').textContent = call.muted ? 'Unmute' : 'Mute';
}

/** The last ones, as a telephone's display does. */
function showDigit(id, digit) {
  $(id).textContent = ($(id).textContent + digit).slice(-DIGITS_SHOWN);
}

function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#${name}`);
  svg.append(use);
  return svg;
}

function element(tag, className, text) {
  const e = document.createElement(tag);
  e.className = className;
  e.textContent = text;
  return e;
}

function recentItem(entry) {
  const item = element('li', entry.missed ? 'missed' : '', '');
  const button = element('button', '', '');
  const text = element('span', 'entry', '');
  const time = element('time', '', whenText(entry.at));
  const name = nameOf(entry, domain);
  const kind = entry.missed ? 'Missed call' : entry.direction === 'in' ? 'Incoming call' : 'Outgoing call';
  button.type = 'button';
  button.setAttribute('aria-label', `Call ${name}. ${kind}, ${time.textContent}`);
  time.dateTime = new Date(entry.at).toISOString();
  text.append(element('span', 'name', name), element('span', 'detail', entry.display ? `${kind}, ${entry.address}` : kind));
  button.append(icon(entry.direction === 'in' ? 'i-in' : 'i-out'), text, time);
  button.addEventListener('click', () => place(entry.address));
  item.append(button);
  return item;
}

function showRecents(list) {
  $('recents').replaceChildren(...list.map(recentItem));
  $('recents-empty').hidden = list.length > 0;
  $('recents-clear').hidden = list.length === 0;
}

// ---- getting attention ----

function flashTitle(text) {
  clearInterval(timers.title);
  document.title = TITLE;
  if (!text) return;
  document.title = text;
  timers.title = setInterval(() => { document.title = document.title === TITLE ? text : TITLE; }, 1000);
}

function notify(text) {
  if (!document.hidden || globalThis.Notification?.permission !== 'granted') return;
  try {
    const notification = new Notification('Tandem', { body: text, tag: 'tandem-call', icon: 'favicon.svg' });
    notification.onclick = () => { window.focus(); notification.close(); };
  } catch {
    // telephones allow this to service workers only
  }
}

// ---- messages ----

/** Whom the next message is for: who is on the telephone, who is being dialled, who was last. */
const peer = () => call?.address || $('address').value.trim() || lastPeer;

/** A new line in the list, which stays at its end unless somebody is reading further up. */
function showMessage({ name, address, body, mine }) {
  const list = $('chat');
  const atEnd = list.scrollTop + list.clientHeight > list.scrollHeight - 40;
  const item = element('li', mine ? 'mine sending' : '', '');
  const about = element(mine ? 'span' : 'button', 'about', `${mine ? `To ${name}` : name}, ${whenText(Date.now())}`);
  if (!mine) {
    about.type = 'button';
    about.title = `Answer ${address}`;
    about.addEventListener('click', () => { if (!call) $('address').value = address; showState(); $('text').focus(); });
  }
  item.append(about, element('span', 'text', body));
  list.append(item);
  while (list.children.length > MESSAGES_SHOWN) list.firstChild.remove();
  if (atEnd || mine) list.scrollTop = list.scrollHeight;
  return item;
}

async function write(to, body) {
  if (!to) {
    $('address').focus();
    return;
  }
  const item = showMessage({ name: shortAddress(to, domain), address: to, body, mine: true });
  lastPeer = to;
  $('text').value = '';
  showState();
  try {
    await tandem.sendMessage(to, body);
  } catch (error) {
    item.append(element('p', 'failed', error.message));
    $('chat').scrollTop = $('chat').scrollHeight;
  }
  item.classList.remove('sending');
}

function onMessage({ from, display, body }) {
  const name = nameOf({ display, address: from }, domain);
  lastPeer = from;
  showMessage({ name, address: from, body });
  showState();
  notify(`${name}: ${body}`);
  if (document.hidden && !call) flashTitle(`${name} wrote`);
}

// ---- calls ----

function adopt(newCall) {
  call = newCall;
  ended = { byUs: false };
  lastStats = null;
  for (const id of ['sent-digits', 'received-digits', 'call-quality']) $(id).textContent = '';
  hideNotice();
  const mine = (fn) => (event) => { if (newCall === call) fn(event); };
  call.addEventListener('state', mine(onCallState));
  call.addEventListener('connection', mine(showCall));
  call.addEventListener('track', mine(({ track, stream }) => { if (track.kind === 'audio') $('far').srcObject = stream; }));
  call.addEventListener('dtmf', mine(({ digit }) => showDigit('received-digits', digit)));
  call.addEventListener('stats', mine((stats) => {
    $('call-quality').textContent = qualityText(stats, lastStats);
    lastStats = stats;
  }));
  call.addEventListener('ended', mine(onEnded));
  timers.duration = setInterval(showCall, 500);
  showCall();
  showState();
}

function onCallState() {
  showCall();
  showState();
  soundState();
  if (call.state !== 'incoming') flashTitle('');
}

function soundState() {
  if (call?.state === 'ringing') sounds.ringBack();
  else if (call?.state === 'incoming') sounds.ringIncoming();
  else sounds.stop();
}

function onEnded(end) {
  const finished = call;
  const who = nameOf(finished, domain);
  const notice = endNotice(finished, end, ended.byUs, who);
  clearInterval(timers.duration);
  call = null;
  $('far').srcObject = null;
  flashTitle('');
  sounds.stop();
  if (tandem.address) {
    const missed = finished.direction === 'in' && !finished.answeredAt && end.reason !== 'answered-elsewhere' && !ended.byUs;
    showRecents(addRecent(tandem.address, { address: finished.address, display: finished.display,
      direction: finished.direction, missed, at: Date.now() }));
  }
  showState();
  if (notice) showNotice({ ...notice, listen: notice.listen && finished.direction === 'out' ? 'Call listening only' : '' });
  if (matchMedia('(hover: hover)').matches) $('address').focus({ preventScroll: true });
}

function place(to, options = {}) {
  const address = to.trim();
  if (call || tandem.state !== 'ready') return;
  if (!address) {
    $('address').focus();
    return;
  }
  lastCall = { to: address };
  sounds.unlock();
  adopt(tandem.call(address, { ...softphone.options, ...options }));
  $('address').value = '';
  $('call-who').focus({ preventScroll: true });
}

async function accept(options = {}) {
  if (call?.state !== 'incoming') return;
  hideNotice();
  sounds.unlock();
  try {
    await call.answer({ ...softphone.options, ...options });
  } catch (error) {
    if (call) showNotice({ text: advice(error.code, error.message), listen: needsMicrophone(error.code) ? 'Answer listening only' : '' });
  }
}

function hangup() {
  ended.byUs = true;
  call?.hangup();
}

function onIncoming({ call: incoming }) {
  if (call) {
    incoming.reject('busy');
    return;
  }
  adopt(incoming);
  soundState();
  const text = `${nameOf(incoming, domain)} is calling`;
  flashTitle(text);
  notify(text);
}

function press(key) {
  keyDown(key);
  sounds.keySound(key);
  if (!call) {
    insert(key);
  } else if (call.state !== 'incoming' && call.state !== 'answering') {
    call.dtmf(key);
    showDigit('sent-digits', key);
  }
}

// ---- dial pad and keyboard ----

function insert(text) {
  const field = $('address');
  field.setRangeText(text, field.selectionStart ?? field.value.length, field.selectionEnd ?? field.value.length, 'end');
  showState();
}

const keyElement = (key) => document.querySelector(`[data-key="${CSS.escape(key)}"]`);

function keyDown(key) {
  keyElement(key)?.classList.add('down');
  setTimeout(() => keyElement(key)?.classList.remove('down'), 120);
}

/** Holding 0 makes it a plus, as on a telephone. */
function plusOnLongPress(button) {
  let timer = 0;
  button.addEventListener('pointerdown', () => {
    timer = setTimeout(() => {
      if (call) return;
      insert('+');
      button.dataset.held = '1';
    }, LONG_PRESS_MS);
  });
  for (const type of ['pointerup', 'pointerleave', 'pointercancel']) button.addEventListener(type, () => clearTimeout(timer));
}

function makePad() {
  for (const [key, letters] of KEYS) {
    const button = element('button', 'key', '');
    button.type = 'button';
    button.dataset.key = key;
    button.dataset.testid = `key-${KEY_NAMES[key] ?? key}`;
    button.setAttribute('aria-label', KEY_NAMES[key] ?? key);
    button.append(element('b', '', key), element('small', '', letters));
    button.addEventListener('click', () => {
      sounds.unlock();
      if (button.dataset.held) delete button.dataset.held;
      else press(key);
    });
    if (key === '0') plusOnLongPress(button);
    $('pad').append(button);
  }
}

function onKey(event) {
  const typing = event.target instanceof HTMLInputElement;
  if (event.ctrlKey || event.metaKey || event.altKey || tandem.state !== 'ready') return;
  if (event.key === 'Escape' && call && call.state !== 'talking') {
    hangup();
  } else if (event.key === 'Enter' && call?.state === 'incoming' && !(event.target instanceof HTMLButtonElement)) {
    event.preventDefault();
    accept();
  } else if (!typing && /^[0-9*#]$/.test(event.key)) {
    event.preventDefault();
    press(event.key);
  } else if (!typing && !call && event.key.length === 1 && event.key !== ' ') {
    $('address').focus(); // and the character goes there
  }
}

// ---- signing in ----

const remember = (storage, key, value) => {
  try {
    if (value === null) storage.removeItem(key);
    else storage.setItem(key, value);
  } catch {
    // storage may be forbidden: then nothing is remembered
  }
};
const recall = (storage, key) => {
  try {
    return storage.getItem(key);
  } catch {
    return null;
  }
};

/** Only what stands for the password is kept, in this tab, and only if the person asked for it. */
async function signIn(user, secret, stay) {
  document.body.dataset.signingIn = '';
  $('signin-submit').disabled = true;
  $('signin-submit').textContent = 'Signing in…';
  hideNotice();
  try {
    const key = secret.ha1 ?? await ha1(user, domain, secret.password);
    await tandem.connect(url, { user, ha1: key });
    remember(localStorage, 'tandem.user', user);
    remember(sessionStorage, 'tandem.ha1', stay ? key : null);
    $('password').value = '';
    showRecents(readRecents(tandem.address));
    $('chat').replaceChildren();
    lastPeer = '';
    $('notify').hidden = globalThis.Notification?.permission !== 'default';
  } catch (error) {
    if (error.code === 'not-authorized') remember(sessionStorage, 'tandem.ha1', null);
    showNotice({ text: error.message });
    $('password').select();
  }
  delete document.body.dataset.signingIn;
  $('signin-submit').disabled = false;
  $('signin-submit').textContent = 'Sign in';
  showState();
}

function signOut() {
  hangup();
  remember(sessionStorage, 'tandem.ha1', null);
  tandem.disconnect();
  hideNotice();
  $('password').focus();
}

function onClosed({ error, retryMs }) {
  showState();
  if (error && retryMs === null && !('signingIn' in document.body.dataset)) showNotice({ text: error.message });
}

async function start() {
  makePad();
  showState();
  $('user').value = recall(localStorage, 'tandem.user') ?? '';
  const config = await (await fetch('config.json')).json();
  domain = config.domain;
  url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${config.websocket}`;
  $('domain').textContent = `@${domain}`;
  const kept = recall(sessionStorage, 'tandem.ha1');
  if (kept && $('user').value) {
    $('stay').checked = true;
    await signIn(userOf($('user').value), { ha1: kept }, true);
  } else {
    $($('user').value ? 'password' : 'user').focus();
  }
}

function wire() {
  const on = (id, type, fn) => $(id).addEventListener(type, fn);
  tandem.addEventListener('incoming', onIncoming);
  tandem.addEventListener('message', onMessage);
  tandem.addEventListener('state', showState);
  tandem.addEventListener('closed', onClosed);
  on('signin', 'submit', (event) => {
    event.preventDefault();
    sounds.unlock();
    signIn(userOf($('user').value), { password: $('password').value }, $('stay').checked);
  });
  on('sign-out', 'click', signOut);
  on('dial', 'submit', (event) => { event.preventDefault(); place($('address').value); });
  on('address', 'input', showState);
  on('write', 'submit', (event) => { event.preventDefault(); if ($('text').value.trim()) write(peer(), $('text').value); });
  on('erase', 'click', () => { $('address').value = $('address').value.slice(0, -1); $('address').focus(); showState(); });
  on('echo', 'click', () => place('echo'));
  on('hangup', 'click', hangup);
  on('decline', 'click', hangup);
  on('accept', 'click', () => accept());
  on('mute', 'click', () => { call?.mute(!call.muted); showMute(); });
  on('notice-close', 'click', hideNotice);
  on('notice-again', 'click', () => place(lastCall.to));
  on('notice-listen', 'click', () => (call ? accept({ audio: 'none' }) : place(lastCall.to, { audio: 'none' })));
  on('recents-clear', 'click', () => showRecents(clearRecents(tandem.address)));
  on('notify', 'click', async () => { await Notification.requestPermission(); $('notify').hidden = true; });
  document.addEventListener('keydown', onKey);
  document.addEventListener('visibilitychange', () => { if (!document.hidden && !call) flashTitle(''); });
  window.addEventListener('pagehide', () => call?.hangup());
}

wire();
start().catch(() => showNotice({ text: 'The server cannot be reached. Reload the page to try again.' }));
