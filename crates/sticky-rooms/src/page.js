// The page of a room: a board, a chat, and which server this is. It knows how pieces are moved, not
// which moves are legal: the server does.
'use strict';

const room = decodeURIComponent(location.pathname.split('/').pop());
const byId = (id) => document.getElementById(id);
const START = 'rnbqkbnrpppppppp' + ' '.repeat(32) + 'PPPPPPPPRNBQKBNR';
const PIECES = { k: '♚', q: '♛', r: '♜', b: '♝', n: '♞', p: '♟', K: '♔', Q: '♕', R: '♖', B: '♗', N: '♘', P: '♙' };
const square = (name) => (8 - Number(name[1])) * 8 + 'abcdefgh'.indexOf(name[0]);
const nameOf = (index) => 'abcdefgh'[index % 8] + (8 - Math.floor(index / 8));

// What a reload needs. A browser that blocks cookies throws at the mere name of the storage; then a
// seat is kept as long as the page. The keys have a prefix: `user` may be the name of a room.
const SEAT_KEY = `sticky-rooms:seat:${room}`;
const USER_KEY = 'sticky-rooms:user';
const unsaved = new Map();
const kept = {
  get(key) {
    try { return sessionStorage.getItem(key); } catch { return unsaved.get(key) ?? null; }
  },
  set(key, text) {
    try { sessionStorage.setItem(key, text); } catch { unsaved.set(key, text); }
  },
  remove(key) {
    try { sessionStorage.removeItem(key); } catch { unsaved.delete(key); }
  },
};

let socket, lastReceived = 0, pause = 100, moves = [], seat = null, chosen = null;
// The move that was sent and is not on the board yet. If the room is closed before it arrives, it is sent
// again: with its number it is played once.
let pending = null;

function position() {
  const board = [...START];
  for (const move of moves) {
    const from = square(move), to = square(move.slice(2));
    const piece = board[from];
    // A pawn that goes aside to an empty square takes en passant; a king that goes two castles.
    if (piece.toLowerCase() === 'p' && from % 8 !== to % 8 && board[to] === ' ') {
      board[Math.floor(from / 8) * 8 + (to % 8)] = ' ';
    }
    if (piece.toLowerCase() === 'k' && Math.abs(from - to) === 2) {
      const rook = to > from ? to + 1 : to - 2;
      board[(from + to) / 2] = board[rook];
      board[rook] = ' ';
    }
    const promoted = move[4] && (piece === 'P' ? move[4].toUpperCase() : move[4]);
    board[to] = promoted || piece;
    board[from] = ' ';
  }
  return board;
}

function draw() {
  const board = position();
  const last = moves.length ? [square(moves.at(-1)), square(moves.at(-1).slice(2))] : [];
  const cells = byId('board').children;
  // Who plays black sits at black's side.
  const at = (place) => (seat === 'black' ? 63 - place : place);
  for (let place = 0; place < 64; place++) {
    const index = at(place), cell = cells[place], piece = board[index];
    cell.textContent = PIECES[piece] || '';
    cell.dataset.square = nameOf(index);
    cell.setAttribute('aria-label', nameOf(index) + (piece === ' ' ? '' : ' ' + piece));
    cell.className = (Math.floor(index / 8) + index) % 2 ? 'dark' : '';
    cell.classList.toggle('chosen', chosen === index);
    cell.classList.toggle('last', last.includes(index));
  }
  byId('turn').textContent = `move ${moves.length + 1}, ${moves.length % 2 ? 'black' : 'white'} to move`;
}

function choose(index) {
  const board = position();
  if (chosen === null) {
    chosen = board[index] === ' ' ? null : index;
  } else {
    const promotes = board[chosen].toLowerCase() === 'p' && (index < 8 || index > 55);
    // Cancel is null: no move is made.
    const piece = promotes ? prompt('Promote to q, r, b or n?', 'q') : '';
    if (index !== chosen && piece !== null) {
      const move = nameOf(chosen) + nameOf(index) + piece.trim().toLowerCase().slice(0, 1);
      pending = { type: 'move', number: moves.length + 1, move };
      send(pending);
    }
    chosen = null;
  }
  draw();
}

function send(message) {
  byId('error').textContent = '';
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function addChat({ from, text }) {
  const line = document.createElement('li');
  line.textContent = `${from}: ${text}`;
  byId('chats').append(line);
  while (byId('chats').children.length > 10) byId('chats').firstChild.remove();
  // Only the list scrolls: `scrollIntoView` would scroll the page as well, and a phone's board away.
  byId('chats').scrollTop = byId('chats').scrollHeight;
}

function seats({ white, black }) {
  byId('white').disabled = Boolean(seat) || white;
  byId('black').disabled = Boolean(seat) || black;
}

function join(which, token) {
  send({ type: 'join', seat: which, ...(token && { token }) });
}

const handlers = {
  room(message) {
    moves = message.moves;
    byId('server').textContent = `server ${message.server}`;
    byId('chats').replaceChildren();
    message.chats.forEach(addChat);
    seats(message.seats);
    byId('state').textContent = seat ? `you play ${seat}` : 'you watch';
    const mine = JSON.parse(kept.get(SEAT_KEY));
    if (mine) join(mine.seat, mine.token);
    draw();
  },
  seat(message) {
    seat = message.seat;
    kept.set(SEAT_KEY, JSON.stringify({ seat, token: message.token }));
    byId('state').textContent = `you play ${seat}`;
    seats({ white: true, black: true });
    if (pending?.number === moves.length + 1) send(pending);
    draw();
  },
  move(message) {
    moves[message.number - 1] = message.move;
    pending = null;
    draw();
  },
  chat: addChat,
  seats,
  end(message) {
    byId('state').textContent = `${message.result}, ${message.reason.replace('_', ' ')}`;
  },
  error(message) {
    pending = null;
    // A seat that was given away while its player was gone.
    if (message.code === 'seat_taken' && !seat) kept.remove(SEAT_KEY);
    byId('error').textContent = message.message;
  },
  alive() {},
};

function connect() {
  // Relative, because a proxy may serve this below a prefix: /user/ann/proxy/3002/rooms/opera-1858.
  const url = new URL(room, location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  socket = new WebSocket(url);
  lastReceived = Date.now();
  socket.onmessage = (frame) => {
    lastReceived = Date.now();
    pause = 100;
    const message = JSON.parse(frame.data);
    handlers[message.type]?.(message);
  };
  socket.onclose = () => {
    byId('state').textContent = 'away; coming back';
    byId('server').textContent = 'no server';
    setTimeout(connect, pause);
    pause = Math.min(pause * 2, 1000);
  };
}

// A server that is frozen says nothing, and its connection stays open.
setInterval(() => {
  if (Date.now() - lastReceived > 5000) socket.close();
}, 1000);

async function where() {
  const answer = await fetch('../where').catch(() => null);
  // Only our own router knows; behind HAProxy or nginx there is no such page.
  if (!answer?.ok) return;
  byId('where').hidden = false;
  byId('servers').replaceChildren(...(await answer.json()).map(({ server, up, health }) => {
    const line = document.createElement('li');
    line.textContent = `server ${server}: ${up ? `${health?.rooms.join(', ') || 'no room'} ` : 'down'}`;
    if (up && health) {
      const copy = document.createElement('button');
      copy.textContent = `copy kill -9 ${health.process}`;
      copy.onclick = () => navigator.clipboard.writeText(`kill -9 ${health.process}`);
      line.append(copy);
    }
    return line;
  }));
}

// By this cookie `--by user` knows a user again; two windows of one browser are two users here. It is a
// number without meaning: a browser sends a cookie to all ports of a host.
const user = kept.get(USER_KEY) ?? Math.random().toString(36).slice(2);
kept.set(USER_KEY, user);
try {
  document.cookie = `user=${user}; path=${new URL('..', location.href).pathname}; samesite=strict`;
} catch {
  // Cookies are blocked, and so is `--by user`.
}
byId('room').textContent = room;
document.title = `${room} · sticky-rooms`;
for (let place = 0; place < 64; place++) {
  const cell = document.createElement('button');
  cell.onclick = () => choose(square(cell.dataset.square));
  byId('board').append(cell);
}
byId('white').onclick = () => join('white');
byId('black').onclick = () => join('black');
byId('chat').onsubmit = (event) => {
  event.preventDefault();
  if (byId('text').value) send({ type: 'chat', text: byId('text').value });
  byId('text').value = '';
};
draw();
connect();
where();
setInterval(where, 1000);
