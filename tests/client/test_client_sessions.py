"""The client in sessions: saying, joining, leaving, reading, and what is shown of them."""

from __future__ import annotations

from hypothesis import given

from tests.kit.desks import DeskCase
from tests.kit.fake_server import echo, snapshot, text
from tests.kit.hostile import anything, is_harmless
from twisted_chat.client.words.commands import commands
from twisted_chat.client.words.rooms import MAX_UNREAD
from twisted_chat.vocabulary import messages as m


class SessionTests(DeskCase):
    def setUp(self) -> None:
        super().setUp()
        self.connection = self.connect()

    def request(self) -> m.Request:
        (request,) = self.connection.sent()
        return request

    def test_say(self) -> None:
        """A line is said where one is; it is shown when it comes back."""
        self.type("hello", "  //not a command", "//me", "", "   ")
        first, second, third = self.connection.sent()
        assert isinstance(second, m.Say)
        assert isinstance(third, m.Say)
        self.assertEqual(second.data, "  //not a command")
        self.assertEqual(third.data, "/me")
        self.assertEqual(self.shown(), [])
        self.connection.say(echo(first, 1))
        self.assertEqual(self.shown(), ["00:00 alice: hello"])

    def test_refused(self) -> None:
        """A text that is refused is told with its beginning."""
        self.type("x" * 50)
        request = self.request()
        self.connection.say(m.Error(code="too-long", data="Too long.", id=request.id))
        self.assertEqual(self.shown(), [f"! Not said on home: “{'x' * 39}…”. Too long."])

    def test_create(self) -> None:
        """One is in the session that one creates; its password is asked for, unseen."""
        self.type("/createsession ops --keep --password")
        self.assertEqual(self.connection.sent(), [])
        self.assertIn("ops", self.answer("sesame"))
        request = self.request()
        assert isinstance(request, m.Create)
        self.assertEqual((request.session, request.password, request.keep), ("ops", "sesame", True))
        self.connection.say(snapshot("ops", id=request.id))
        self.assertEqual(self.prompt(), "home/ops> ")
        self.assertEqual(self.shown(), ["* ops: 1 here (alice)"])
        self.type("/c dev")
        request = self.request()
        self.connection.say(m.Error(code="session-exists", data="There is one.", id=request.id))
        self.assertEqual(self.shown(), ["! There is one."])

    def test_join_locked(self) -> None:
        """A locked session asks for its password, three times: none is typed as a text."""
        for line in ("/j ops", "/j ops --password"):
            self.type(line)
            for password in ("one", "two", "three"):
                if password != "one" or line == "/j ops":
                    request = self.request()
                    self.connection.say(m.Error(code="bad-password", data="No.", id=request.id))
                self.answer(password)
            request = self.request()
            assert isinstance(request, m.Join)
            self.assertEqual(request.password, "three")
            self.connection.say(m.Error(code="bad-password", data="No.", id=request.id))
            self.assertEqual(self.screen.questions, [])
            self.assertEqual(self.shown(), ["! No."] * 3)

    def test_join_written(self) -> None:
        """A password that was written is not asked for; who answers nothing is not there."""
        self.type("/j ops wrong")
        self.connection.say(m.Error(code="bad-password", data="No.", id=self.request().id))
        self.assertEqual((self.screen.questions, self.shown()), ([], ["! No."]))
        self.type("/j ops")
        self.connection.say(m.Error(code="bad-password", data="No.", id=self.request().id))
        self.answer(None)
        self.assertEqual(self.shown(), ["! ops needs a password."])

    def test_join_again(self) -> None:
        """Joining a session that one is in goes there."""
        self.join(self.connection, "ops")
        self.type("/j lobby")
        self.assertEqual(self.connection.sent(), [])
        self.assertEqual(self.prompt(), "home/lobby> ")

    def test_leave(self) -> None:
        """Who leaves is somewhere else."""
        self.join(self.connection, "ops")
        self.type("/l")
        request = self.request()
        self.connection.say(m.Left(session="ops", user="alice", count=0, id=request.id))
        self.assertEqual(self.shown(), ["* You have left ops.", "* Now in lobby."])
        self.type("/l lobby")
        request = self.request()
        self.connection.say(m.Left(session="lobby", user="alice", count=0, id=request.id))
        self.assertEqual(self.prompt(), "home> ")

    def test_delete(self) -> None:
        """Who is in a session that is deleted is told, and is somewhere else."""
        self.join(self.connection, "ops")
        self.type("/deletesession ops")
        request = self.request()
        self.connection.say(m.Deleted(session="ops", user="alice", id=request.id))
        self.assertEqual(
            self.shown(), ["* alice has deleted ops, and what was said there.", "* Now in lobby."]
        )

    def test_unread(self) -> None:
        """What is said elsewhere is counted, and shown when one goes there; the oldest go."""
        self.join(self.connection, "ops")
        self.connection.say(*(text(n, str(n)) for n in range(1, MAX_UNREAD + 11)))
        self.assertEqual(self.shown(), [])
        self.assertEqual(self.prompt(), f"home/ops [lobby {MAX_UNREAD + 10}]> ")
        self.type("/s lobby")
        shown = self.shown()
        self.assertEqual(shown[:2], ["* Now in lobby.", "* 10 more before these: /history"])
        self.assertEqual(shown[2], "00:00 bob: 11")
        self.assertEqual(len(shown), MAX_UNREAD + 2)
        self.assertEqual(self.prompt(), "home/lobby> ")

    def test_comings_and_goings(self) -> None:
        """They are told where one is, and nowhere else."""
        self.join(self.connection, "ops")
        self.connection.say(
            m.Joined(session="lobby", user="bob", count=2),
            m.Joined(session="ops", user="bob", count=2),
            m.Left(session="ops", user="bob", count=1),
            m.Presence(session="ops", count=3, joined=["x", "y"]),
            m.TopicChanged(session="ops", user="x", topic="New"),
            m.Notice(data="Watch out."),
        )
        self.assertEqual(
            self.shown(),
            [
                "* bob has come: 2 here.",
                "* bob has gone: 1 here.",
                "* x, y have come; 3 here.",
                "* x sets the topic: New",
                "* home: Watch out.",
            ],
        )

    def test_list_and_who(self) -> None:
        """What the server has is shown."""
        self.type("/list")
        self.connection.say(m.Listing(sessions=[], users=[], id=self.request().id))
        self.assertEqual(self.shown(), ["* 0 sessions, 0 users"])
        self.type("/w")
        self.connection.say(
            m.Members(session="lobby", users=["alice", "bob"], count=2, id=self.request().id)
        )
        self.assertEqual(self.shown(), ["* lobby: 2 here: alice, bob"])
        away = [m.AwayUser(user="bob", data="lunch")]
        bob = m.ListedUser(user="bob", sessions=["lobby"], away="lunch")
        self.type("/w", "/list")
        who, listed = self.connection.sent()
        self.connection.say(
            m.Members(session="lobby", users=["bob"], count=1, away=away, id=who.id),
            m.Listing(sessions=[], users=[bob], id=listed.id),
        )
        shown = self.shown()
        self.assertEqual(shown[1], "* bob is away: lunch")
        self.assertEqual(shown[-1], "  bob  lobby; away: lunch")

    def test_history(self) -> None:
        """The last texts, as many as one likes."""
        self.type("/history 2")
        request = self.request()
        assert isinstance(request, m.History)
        self.assertEqual(request.limit, 2)
        self.connection.say(
            m.Texts(session="lobby", texts=[text(1), text(2)], more=False, epoch="e", id=request.id)
        )
        self.assertEqual(len(self.shown()), 4)
        self.type("/h")
        self.connection.say(
            m.Texts(session="lobby", texts=[], more=False, epoch="e", id=self.request().id)
        )
        self.assertEqual(self.shown(), ["* Nothing has been said in lobby."])
        self.type("/h 2")
        changes = [
            m.Reacted(session="lobby", seq=seq, time=0, source="bob", of=1, data="!")
            for seq in (8, 9)
        ]
        first = self.request()
        self.connection.say(
            m.Texts(session="lobby", texts=list(changes), more=True, epoch="e", id=first.id)
        )
        second = self.request()
        assert isinstance(second, m.History)
        self.assertEqual((second.before, second.limit), (8, 200))
        texts = [text(seq) for seq in (5, 6, 7)]
        self.connection.say(
            m.Texts(session="lobby", texts=list(texts), more=False, epoch="e", id=second.id)
        )
        self.assertEqual(
            self.shown(),
            [
                "* The last 2 of lobby:",
                "00:00 #6 bob: hello",
                "00:00 #7 bob: hello",
                "* There is more before them.",
            ],
        )
        self.type("/h 0", "/h 201", "/h x", f"/h {'9' * 5_000}", "/h ²")
        self.assertEqual(self.shown(), ["! It shows from 1 to 200 texts."] * 5)

    def test_search(self) -> None:
        """What is found is shown."""
        self.type("/search out of memory")
        request = self.request()
        assert isinstance(request, m.Search)
        self.assertEqual((request.query, request.session), ("out of memory", "lobby"))
        self.connection.say(m.Found(session="lobby", texts=[text(4)], more=True, id=request.id))
        self.assertEqual(
            self.shown(), ["* The last 1 in lobby with out of memory:", "00:00 #4 bob: hello"]
        )
        self.type("/f nothing")
        self.connection.say(m.Found(session="lobby", texts=[], more=False, id=self.request().id))
        self.assertEqual(self.shown(), ["* Nothing in lobby has nothing."])

    def test_topic(self) -> None:
        """The topic is shown, or changed."""
        self.type("/topic")
        self.assertEqual(self.shown(), ["* There is no topic."])
        self.type("/topic  Deploy at four ")
        request = self.request()
        assert isinstance(request, m.SetTopic)
        self.assertEqual(request.topic, "Deploy at four")
        self.connection.say(
            m.TopicChanged(session="lobby", user="alice", topic=request.topic, id=request.id)
        )
        self.type("/topic")
        self.assertEqual(
            self.shown(),
            ["* alice sets the topic: Deploy at four", "* Topic of lobby: Deploy at four"],
        )

    def test_direct(self) -> None:
        """A direct message is shown wherever one is; one can go there, and speak."""
        self.type("/msg @bob how are you?")
        request = self.request()
        assert isinstance(request, m.Say)
        self.assertEqual((request.to, request.data), ("bob", "how are you?"))
        self.connection.say(
            snapshot("@alice,bob", epoch="d"), echo(request, 1, session="@alice,bob")
        )
        self.connection.say(text(2, "fine", session="@alice,bob"))
        self.assertEqual(self.shown(), ["00:00 you to bob: how are you?", "00:00 bob to you: fine"])
        self.clock.advance(2)  # they are answered: nothing is waited for
        self.type("/s @bob", "good")
        self.assertEqual(self.prompt(), "home/@bob> ")
        request = self.request()
        assert isinstance(request, m.Say)
        self.assertEqual((request.to, request.session), ("bob", None))
        self.connection.say(echo(request, 3, session="@alice,bob"))
        self.assertEqual(self.shown(), ["* Now in @bob.", "00:00 alice: good"])
        self.type("/leavesession")
        self.assertEqual(self.connection.sent(), [])
        self.assertEqual(self.shown(), ["! @bob is always there: /switch NAME goes elsewhere."])
        self.connection.say(m.Deleted(session="@alice,bob", user="bob"))
        self.assertEqual(
            self.shown(),
            ["! You and bob begin anew: what you had said is gone.", "* Now in lobby."],
        )

    def test_unknown(self) -> None:
        """What is no command is not said either."""
        self.type("/frobnicate now", "/login", "/")
        self.assertEqual(self.connection.sent(), [])
        self.assertEqual(len(self.shown()), 3)

    def test_help(self) -> None:
        """Help has every command, or one."""
        self.type("/help")
        lines = self.shown()
        self.assertEqual(sum(line.startswith("/") for line in lines), len(commands()))
        self.type("/? /msg")
        (line,) = self.shown()
        self.assertIn("/msg USER TEXT...", line)

    def test_a_bug(self) -> None:
        """What goes wrong here is logged, and ends nothing."""
        self.desk.where.servers["home"].client.list = None  # type: ignore[assignment,method-assign]
        self.type("/list", "hello")
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        self.assertEqual(len(self.connection.sent()), 1)

    def test_slow_screen(self) -> None:
        """A screen that can not keep up stops the servers from being read."""
        self.desk.pauseProducing()
        self.assertEqual(self.connection.transport.producerState, "paused")
        self.desk.resumeProducing()
        self.assertEqual(self.connection.transport.producerState, "producing")

    @given(anything, anything)
    def test_whatever_they_write(self, data: str, name: str) -> None:
        """Nothing that others write reaches the screen as it is."""
        self.setUp()
        say = self.connection.say
        try:
            say(
                text(1, data, name),
                m.Notice(data=data),
                m.Joined(session="lobby", user=name, count=2),
            )
            say(m.TopicChanged(session="lobby", user=name, topic=data))
            say(snapshot(name, users=[name], topic=data), text(1, data, name, name))
            say(text(1, data, name, f"@alice,{name}"), m.Deleted(session=name, user=name))
            say(m.Error(code="banned", data=data, session=name))
            say(m.Bye(data=data))
        except UnicodeEncodeError:  # lone surrogates do not travel
            return
        self.connection.lose()
        self.type("/servers", "/who", "/topic", f"/msg {name} {data}", data)
        for line in [*self.shown(), self.prompt()]:
            self.assertTrue(is_harmless(line), line)
