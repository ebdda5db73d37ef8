/** Puts the page together. */

import { About } from "./about.js";
import { AccountDialog } from "./account.js";
import { preparePictures } from "./attachments.js";
import { Banner } from "./banner.js";
import { Bell } from "./bell.js";
import { addChanging } from "./changing.js";
import { Client } from "./client.js";
import { Commands } from "./commands.js";
import { Composer } from "./composer.js";
import { byId } from "./dom.js";
import { Entrance } from "./entrance.js";
import { Header } from "./header.js";
import { LoginView } from "./login.js";
import { MembersView } from "./members.js";
import { Mentions } from "./mentions.js";
import { Menu } from "./menu.js";
import { Notifier } from "./notify.js";
import { PersonMenu } from "./person.js";
import { Places } from "./places.js";
import { preparePrinting, print } from "./printing.js";
import { Rooms } from "./rooms.js";
import { addRuling } from "./ruling.js";
import { Search } from "./search.js";
import { Sidebar } from "./sidebar.js";
import { Store } from "./store.js";
import { Switcher } from "./switcher.js";
import { TextsView } from "./texts.js";
import { TypingView } from "./typing.js";
import { Uploads } from "./uploads.js";
import { watchVersion } from "./version.js";
import { walkTexts } from "./walking.js";

const url = new URL("ws", document.baseURI);
url.protocol = url.protocol === "https:" ? "wss:" : "ws:";

const isMac = /mac|iphone|ipad/iu.test(navigator.platform);

const store = new Store();
const client = new Client(url.href, store);
const rooms = new Rooms(client);
const login = new LoginView(client);
const texts = new TextsView(client);
const commands = new Commands(client, rooms);
const composer = new Composer(client, commands, () => void texts.toNewest());
texts.menu = new Menu(client, composer);
new Uploads(client, composer);
walkTexts(composer);
preparePrinting(texts);
preparePictures();
addChanging(commands, client);
const menu = new PersonMenu(client, rooms, composer);
const person = (/** @type {string} */ name) => menu.open(name);
texts.person = person;
const account = new AccountDialog(client);
addRuling(commands, client, rooms, new About(client, rooms, person), account, person);
const entrance = new Entrance(rooms);
const switcher = new Switcher(rooms, entrance);
const search = new Search(client, rooms, texts);
client.inbox.invited.on((session) => {
  rooms.join(session).catch((error) => store.said.emit(`${session}: ${error.message}`));
});
new Sidebar(client, rooms);
new Header(client);
const members = new MembersView(rooms, person);
new Places(rooms, texts);
new Banner(client);
new Notifier(client, rooms);
const bell = new Bell(client);
watchVersion(client);
new TypingView(store);
new Mentions(client, texts);

commands.add("list", "ls", "", "Show which sessions there are, and who is here.", () => switcher.open());
commands.add("who", "w", "", "Show who is in this session.", () => members.toggle(true));
commands.add("search", "f", "WORDS…", "Find texts with these words.", (words) => {
  search.look(words ?? "");
});
commands.add("account", "", "", "Show your devices and password, and be away.", () => account.open());
commands.add("notify", "", "", "Say of what you are told in this session.", () => bell.open());
commands.add("print", "", "", "Print this conversation.", () => print(texts));

if (isMac) byId("switcher-key").textContent = "⌘ K";

byId("sidebar-open").addEventListener("click", () => {
  document.body.classList.toggle("sidebar-open");
});
byId("shade").addEventListener("click", () => document.body.classList.remove("sidebar-open"));

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    void switcher.open();
  } else if ((event.ctrlKey || event.metaKey) && event.shiftKey && event.key.toLowerCase() === "f") {
    event.preventDefault();
    search.toggle(true);
  } else if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "p"
      && store.session) {
    event.preventDefault();
    void print(texts);
  } else if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
    escape();
  }
});

/** Close what is open, the nearest first; with nothing open, go to the newest text. */
function escape() {
  if (document.body.classList.contains("sidebar-open")) {
    document.body.classList.remove("sidebar-open");
  } else if (!byId("search").hidden) {
    search.toggle(false);
  } else if (!byId("members").hidden && matchMedia("(max-width: 70rem)").matches) {
    members.toggle(false);
  } else {
    void texts.toNewest();
    composer.focus();
  }
}

window.addEventListener("pagehide", () => store.marks.save());

const known = client.resume();
document.body.dataset["view"] = known ? "chat" : "login";
if (!known) login.user.focus();
