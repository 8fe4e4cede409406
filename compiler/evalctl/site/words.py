"""The pages' own words in English and Japanese. Names of models, tasks and entries, and warnings of records, are shown as they are."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES: Mapping[str, str] = {"en": "English", "ja": "日本語"}

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Evaluation results", "評価結果"),
    "skip": ("Skip to the content", "本文へ移動"),
    "leaderboard": ("Leaderboard", "リーダーボード"),
    "all_entries": ("All entries", "全項目"),
    "tasks": ("Tasks", "タスク"),
    "pairs": ("Comparisons", "比較"),
    "about": ("About the numbers", "数値の見方"),
    "averages": ("Averages", "平均"),
    "care": ("* (read with care)", "*(注意)"),
    "sources": ("Where a number comes from", "数値の出どころ"),
    "pairs_why": (
        "The first model of the leaderboard is compared with the next ones. Any other pair: evalctl results site --pair A B, or on a terminal: evalctl results compare A B.",
        "リーダーボードの先頭のモデルを、続くモデルと比べます。ほかの組は evalctl results site --pair A B で、端末では evalctl results compare A B で比べられます。",
    ),
    "no_pairs": ("There are no two models to compare.", "比べられる二つのモデルがありません。"),
    "first": ("First model", "一つ目のモデル"),
    "second": ("Second model", "二つ目のモデル"),
    "pair_why": (
        "Each difference is the first model minus the second, on the same questions, pair by pair. A verdict is given only where it holds for all entries at once (95 %, Holm).",
        "差は一つ目のモデルから二つ目のモデルを引いた値で、同じ質問を対にして求めます。優劣は、全項目について同時に成り立つ場合(95 %、Holm法)にだけ示します。",
    ),
    "differences": ("Differences", "差"),
    "difference": ("Difference", "差"),
    "difference_of_full_mark": ("Difference as a share of the full mark", "満点に対する差の割合"),
    "verdict": ("Verdict", "判定"),
    "verdict better": ("(1) is better", "(1)が上回る"),
    "verdict worse": ("(1) is worse", "(1)が下回る"),
    "verdict no difference shown": ("no difference shown", "差は示されない"),
    "verdict not comparable": ("not comparable", "比較不可"),
    "flips": ("Questions on which the two differ", "結果が異なる質問"),
    "flips_why": (
        "Questions are named by their digests, since their texts are not in git. With texts, on a machine that has them:",
        "質問の文はgitにないため、ダイジェストで示します。文のあるマシンでは、次のコマンドで文も表示できます:",
    ),
    "higher_first": ("higher for (1):", "(1)が高い:"),
    "higher_second": ("higher for (2):", "(2)が高い:"),
    "question": ("Question", "質問"),
    "first_of": ("The first", "先頭"),
    "hardest": ("Hardest questions", "最も難しい質問"),
    "hardest_why": (
        "The questions of the main entry with the lowest mean over the models ahead, 50 at most. Their texts are not in git: evalctl details shows them on a machine that has them.",
        "代表項目の質問のうち、上位のモデル(最大50)での平均が最も低いものです。質問の文はgitにありません。文のあるマシンでは evalctl details で表示できます。",
    ),
    "mean_score": ("Mean score", "平均スコア"),
    "at_commit": ("From commit", "コミット"),
    "committed": ("committed", "コミット日"),
    "models": ("Models", "モデル"),
    "model": ("Model", "モデル"),
    "settings": ("Settings", "設定"),
    "interval": ("95 % interval", "95 %信頼区間"),
    "score": ("Score", "スコア"),
    "entry": ("Entry", "項目"),
    "entries": ("entries", "項目"),
    "measured": ("Measured", "測定日"),
    "nothing": (
        "Nothing has been measured yet. Only committed results are shown.",
        "まだ測定結果がありません。コミットされた結果だけを表示します。",
    ),
    "find": ("Find a model", "モデルを検索"),
    "language": ("Columns", "列"),
    "every": ("all", "すべて"),
    "since": ("Measured since", "測定日(以降)"),
    "best_only": ("Only the best group", "最上位群のみ"),
    "shown_of": ("shown of", "件を表示 / 全"),
    "chart_of": ("95 % interval of", "95 %信頼区間:"),
    "best": ("Best", "最上位"),
    "group": ("Best group", "最上位群"),
    "group_why": (
        "Filled points are the best group: with 95 % confidence the best of the models that can be compared is among them, so the order within the group is not shown.",
        "塗りつぶしの点は最上位群です。比較できるモデルのうち最良のものは95 %の信頼度でこの中にあり、群の中の順位は示されていません。",
    ),
    "apart": (
        "So many models have a score but cannot be compared with the first, since values of single questions are missing, or questions, shots or the definition of the task differ:",
        "スコアはあるものの、質問ごとの値がないか、質問、例示数、タスクの定義が異なるため、先頭のモデルと比べられないモデルの数:",
    ),
    "no_group": (
        "Which models are as good as the first is not known: values of single questions are missing, or no other model was asked the same in the same way.",
        "質問ごとの値がないか、同じ質問を同じ方法で尋ねたモデルがほかにないため、先頭のモデルと同等のモデルは分かりません。",
    ),
    "averages_why": (
        "Averages are the mean over the benchmarks of a language; “3 of 8” means that only 3 of 8 were measured. A dash is an entry that was not measured. * means: read with care, the reason is on the model's page.",
        "平均は各言語のベンチマークの平均です。「3 of 8」は8件中3件だけが測定済みという意味です。「–」は未測定です。「*」が付いた数値には注意が必要で、理由はモデルのページにあります。",
    ),
    "languages": ("Languages", "言語"),
    "other": ("other", "その他"),
    "filter": ("Filters", "絞り込み"),
    "warnings": ("Read with care", "注意事項"),
    "scores": ("Scores", "スコア"),
    "method": ("Method", "方法"),
    "questions": ("Questions", "質問数"),
    "no_interval": ("no per-question scores", "質問ごとのスコアなし"),
    "main_entries": ("One entry per benchmark", "ベンチマークごとの代表項目"),
    "more_entries": ("More entries", "その他の項目"),
    "provenance": ("Provenance", "測定の記録"),
    "provenance_why": (
        "What exactly was run for each number: its script, weights, settings and environment, as the record in git has them.",
        "各数値について実行した内容です。スクリプト、重み、設定、環境は、gitの記録のとおりです。",
    ),
    "stability": ("Stability of the answers", "回答の安定性"),
    "stability_why": (
        "Of the answers that were asked for: how many were cut off at the length limit, empty, failed or missing.",
        "求めた回答のうち、長さの上限で打ち切られたもの、空のもの、失敗したもの、得られなかったものの数です。",
    ),
    "asked": ("Asked", "求めた回答"),
    "truncated": ("Cut off", "打ち切り"),
    "empty": ("Empty", "空"),
    "failed": ("Failed", "失敗"),
    "unanswered": ("Unanswered", "未回答"),
    "time": ("Time and tokens", "時間とトークン"),
    "seconds": ("Time", "時間"),
    "prompt": ("Prompt tokens", "入力トークン"),
    "completion": ("Completion tokens", "出力トークン"),
    "node": ("Node", "ノード"),
    "total": ("Total", "合計"),
    "history": ("History", "履歴"),
    "history_why": (
        "The averages and entries after each commit that changed them, the newest first.",
        "値を変更した各コミット後の平均と項目です。新しい順です。",
    ),
    "commit": ("Commit", "コミット"),
    "date": ("Date", "日付"),
    "trend": ("Trend", "推移"),
    "versions": ("values", "回"),
    "weights": ("Weights (revision)", "重み(リビジョン)"),
    "provider": ("Provider", "プロバイダ"),
    "service": ("Service", "サービス"),
    "ran_by": ("Run by", "実行者"),
    "request": ("Request", "依頼"),
    "script": ("Script", "スクリプト"),
    "record": ("Record", "記録"),
    "digest": ("Digest of the eval", "評価のダイジェスト"),
    "framework": ("Framework", "フレームワーク"),
    "task_digest": ("Task definition", "タスクの定義"),
    "environments": ("Environments", "環境"),
    "program_versions": ("Versions", "バージョン"),
    "job": ("Job", "ジョブ"),
    "hardware": ("Hardware", "ハードウェア"),
    "generation": ("Generation settings", "生成設定"),
    "server": ("Server settings", "サーバ設定"),
    "sent": ("Really sent", "実際に送信した値"),
    "answered_by": ("Answered by", "回答したモデル"),
    "imported": ("Imported from", "取り込み元"),
    "reused_from": ("Reused from", "再利用元"),
    "question_set": ("Question set", "質問セット"),
    "compare_with": ("Compared with", "比較ページ"),
    "task": ("Task", "タスク"),
    "benchmarks": ("benchmarks", "ベンチマーク"),
    "ranking": ("All models", "全モデル"),
    "unproven": ("unproven", "未証明"),
    "wide_hint": ("The table scrolls sideways.", "表は横にスクロールできます。"),
    "made_by": ("Made by", "作成:"),
    "from_git": (
        "from committed files alone; the same commit gives the same pages",
        "コミットされたファイルだけから作成。同じコミットからは同じページができます",
    ),
}

# The words that about.html explains.
EXPLAINED: Mapping[str, tuple[str, str]] = {
    "interval": (
        "The range that holds the score on all questions of the kind with 95 % confidence: other questions of the same kind would give another score. It is computed from the scores of single questions; the method is beside each number on the model's page. Where single questions are not recorded, there is none.",
        "同種の質問全体でのスコアが95 %の信頼度で含まれる範囲です。同種の別の質問を使えばスコアも変わります。質問ごとのスコアから計算し、方法はモデルのページの各数値の横に示します。質問ごとの記録がない場合、区間はありません。",
    ),
    "group": (
        "The models that may be the best of those that can be compared. Each of these was compared with the first one on the same questions, pair by pair; it is not in the group where the difference was clear enough to hold for all models at once (95 %, Bonferroni; Hsu 1984). A model without values of single questions, or with other questions, shots or another definition of the task, cannot be compared: it is in no group and may be better. How many there are is said above the table. The order within the group is not shown.",
        "比較できるモデルのうち、最良の可能性があるモデルの集まりです。同じ質問で対にして先頭のモデルと比較し、全モデルについて同時に成り立つだけの差(95 %、Bonferroni法、Hsu 1984)が示されたモデルは含まれません。質問ごとの値がないモデルや、質問、例示数、タスクの定義が異なるモデルは比較できず、どの群にも入りませんが、より優れている可能性もあります。その数は表の上に示します。群の中の順位は示されていません。",
    ),
    "averages": (
        "The plain mean over the benchmarks of a language, each divided by its full mark. Its interval is about other questions of the same benchmarks, not about other benchmarks.",
        "各言語のベンチマークのスコアを満点で割った値の単純平均です。区間は同じベンチマークの別の質問についてのもので、別のベンチマークについてのものではありません。",
    ),
    "care": (
        "Something may have distorted the number: answers were cut off or are missing, another model answered, or the ledger does not account for the record. The reason is on the model's page.",
        "回答の打ち切りや欠落、別のモデルの回答、台帳で確認できない記録など、数値をゆがめる可能性のある事情があります。理由はモデルのページにあります。",
    ),
    "sources": (
        "All pages follow from files in git. On a model's page each number leads to its record, and the record names the script, the weights, the settings and the environments that were used.",
        "すべてのページはgitのファイルから作られます。モデルのページでは各数値から記録をたどることができ、記録には使われたスクリプト、重み、設定、環境があります。",
    ),
}


def words(language: str) -> dict[str, str]:
    """All words of a language by their key."""
    place = list(LANGUAGES).index(language)
    about = {f"{key}_about": texts[place] for key, texts in EXPLAINED.items()}
    return {**{key: texts[place] for key, texts in _WORDS.items()}, **about}
